/* routes.h - what the few HTTP paths answer (protocol section 5). Pure; any thread. */
#ifndef AGENT_NET_ROUTES_H
#define AGENT_NET_ROUTES_H

#include <stdbool.h>

#include "base/buf.h"

/* What the health checks tell. */
struct http_facts {
    bool store_writable;
    bool mirror;        /* a broker is configured */
    bool connected;     /* to it */
    const char *broker; /* in use or tried */
    bool stopping;
};

/* The status code; the JSON body is appended to `body`. */
int http_respond(const char *method, const char *path, const struct http_facts *facts,
                 struct buf *body);

#endif
