/* params.h - the parameters of an address, and the next page. Net thread. */
#ifndef AGENT_API_PARAMS_H
#define AGENT_API_PARAMS_H

#include "api/request.h"
#include "base/text.h"
#include "model/event.h"

/* One that a path takes. */
struct param {
    const char *name;
    const char *expected; /* what a wrong value is told: `1 to 1000` */
    /* Reads a value into what request_params was given. False: it is none. */
    bool (*read)(void *query, const char *value);
};

/* Reads all there are, each at most once. False: there is one the path does not take, or a wrong value; it is
 * answered. */
bool request_params(struct api_request *request, const struct param *params, size_t count,
                    void *query);

/* Kinds of events, with a comma; one that is named twice is named. */
bool param_kinds(const char *text, unsigned *kinds);
#define PARAM_KINDS "changes, exceptions or changes,exceptions"

/* Tells where the answer goes on (RFC 8288): the same address with this `after`, without the parameter `once`, which is
 * for the first page; NULL: with all. */
void request_next(struct api_request *request, const char *after, const char *once);

#endif
