/* url.h - WebSocket addresses: taken apart, and put together with credentials. Pure; any thread. */
#ifndef CLIENT_URL_H
#define CLIENT_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "studio/error.h"

enum { URL_HOST_MAX = 253, URL_PATH_MAX = 255 };

struct url {
    bool tls;                         /* wss:// */
    uint16_t port;                    /* 80 or 443 if the address names none */
    char host[URL_HOST_MAX + 1];      /* an IPv6 address without its brackets */
    char path[URL_PATH_MAX + 1];      /* begins with '/' */
    char authority[URL_HOST_MAX + 9]; /* host:port for the Host header, with brackets */
};

/* Takes `ws://HOST[:PORT][/PATH]` or `wss://...` apart. A user, a query or a fragment is refused:
 * credentials do not belong into an address people copy. Errors: USAGE. */
STUDIO_MUST_USE enum studio_err url_parse(const char *text, struct url *out,
                                          struct studio_error *error);

/* Appends `text` percent-encoded: everything but letters, digits and `-._~`. */
void url_encode(struct buf *out, const char *text);

/* Appends the path with `?id=...&token=...`, both encoded. */
void url_auth_path(struct buf *out, const struct url *url, const char *id, const char *token);

#endif
