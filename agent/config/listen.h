/* listen.h - where to listen: what `websocket.listen` says, taken apart. Pure; any thread. */
#ifndef AGENT_CONFIG_LISTEN_H
#define AGENT_CONFIG_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/checks.h"

enum { LISTEN_MAX = 8, LISTEN_PATH_MAX = 107 };

enum listen_kind { LISTEN_PLAIN, LISTEN_TLS, LISTEN_UNIX };

struct listen_at {
    enum listen_kind kind;
    char where[ADDRESS_HOST_MAX + 1]; /* the host, without brackets; of UNIX the path */
    uint16_t port;
};

struct listen_list {
    struct listen_at at[LISTEN_MAX];
    size_t count;
};

/* `ws://HOST:PORT`, `wss://HOST:PORT` and `unix:/PATH`, separated by commas; without a scheme it is wss://
 * where there is a certificate (`tls`), else ws://. NULL, or a sentence that says what would be right. */
const char *listen_parse(const char *text, bool tls, struct listen_list *out);
bool listen_has(const struct listen_list *list, enum listen_kind kind);
/* An option_check_fn. */
const char *check_listen(const char *value);

#endif
