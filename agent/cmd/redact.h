/* redact.h - takes secrets out of a text before it is given away. */
#ifndef AGENT_CMD_REDACT_H
#define AGENT_CMD_REDACT_H

#include <stdbool.h>
#include <stddef.h>

enum { REDACT_MAX = 128, REDACT_SHORTEST = 4 /* bytes of a secret: shorter ones are everywhere */ };

struct redact {
    char *secrets[REDACT_MAX];
    size_t count;
    bool failed; /* one is missing: there was no memory, or no room */
};

/* Zeroed memory is one without secrets. NULL and what is too short are passed over. */
void redact_add(struct redact *r, const char *secret);
/* Each line of a file that can be read is one; a key file's lines, too. */
void redact_add_file(struct redact *r, const char *file);
void redact_finish(struct redact *r);

/* Overwrites each of them in `text`, and the hash behind each `sha256:` and `yescrypt:`, with asterisks. */
void redact_apply(const struct redact *r, char *text);

#endif
