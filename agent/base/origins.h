/*
 * origins.h - pages of which origin may speak to us: that of the address they ask, and those of a list. A
 * browser says in each request that could do harm from which origin the page came; a page cannot say
 * anything else. Pure; any thread.
 */
#ifndef AGENT_BASE_ORIGINS_H
#define AGENT_BASE_ORIGINS_H

#include <stdbool.h>
#include <stddef.h>

enum { ORIGINS_MAX = 16, ORIGIN_MAX = 255 };

struct origins {
    bool any;      /* `*` */
    bool tls_only; /* over TLS a page of http:// is not our own; the caller's */
    char list[ORIGINS_MAX][ORIGIN_MAX + 1];
    size_t count;
};

/* `SCHEME://HOST[:PORT],...` or `*`; NULL or empty is none. NULL, or a sentence that says what would be right. */
const char *origins_parse(const char *text, struct origins *out);

/* How a request was sent, as far as one knows. */
enum origin_way { ORIGIN_WAY_UNKNOWN, ORIGIN_WAY_PLAIN, ORIGIN_WAY_TLS };

/*
 * May a page of this origin, the header's value, send a request that asks for `host`, `HOST[:PORT]`? Hosts are
 * compared without regard to case, ports that are left out are those usual for the scheme. An http:// page
 * passes over TLS as well, unless `tls_only`, where the ports are the same or neither is named: old programs call
 * themselves that.
 */
bool origins_have(const struct origins *origins, const char *origin, const char *host,
                  enum origin_way way);

#endif
