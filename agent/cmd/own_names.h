/* own_names.h - by which names and addresses others reach this machine, as far as it knows. One thread at a time. */
#ifndef AGENT_CMD_OWN_NAMES_H
#define AGENT_CMD_OWN_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum { OWN_NAMES_MAX = 32, OWN_NAME_MAX = 255 };

struct own_names {
    char list[OWN_NAMES_MAX][OWN_NAME_MAX + 1];
    size_t count;
};

/* `first`, which may be none, then its own name, localhost, its addresses; each once, and no more than there is room for. */
void own_names_find(struct own_names *out, const char *const *first, size_t count);
/* One that is of every machine: localhost and its addresses. */
bool own_names_local(const char *name);

#endif
