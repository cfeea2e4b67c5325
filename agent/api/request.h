/* request.h - a request on its way to its handler: what its path names, and who sends it. Net thread. */
#ifndef AGENT_API_REQUEST_H
#define AGENT_API_REQUEST_H

#include "api/api.h"
#include "base/buf.h"
#include "net/login.h"
#include "studio/status.h"

struct route;

/* Lives as long as the exchange. */
struct api_request {
    struct api *api;
    struct exchange *exchange;
    char table[STUDIO_TABLE_ID_MAX + 1]; /* of the path; "" if it names none */
    /* Of a user who has logged in: */
    struct actor *actor; /* the exchange's, filled in; NULL: nobody has */
    struct login login;
    void (*let_in)(struct api_request *request); /* what is done then */
    const struct route *route;
    /* What its handler does for it meanwhile; told when the request ends. NULL: nothing. */
    void (*leave)(void *work);
    void *work;
};

/* For this exchange, which keeps it. NULL: out of memory, it is answered. */
struct api_request *request_create(struct api *api, struct exchange *exchange);

/* Lets its sender in by `Authorization: Bearer <id>:<token>`, or his certificate, as WebSocket does (sections 3.1 and 6): now or
 * later `let_in` is called, or it is answered. */
void request_login(struct api_request *request, void (*let_in)(struct api_request *request));

/* Counts the request of a user against his rate, as messages are. False: it is answered. */
bool request_within_rate(struct api_request *request);

/* Answers with an error, `detail` behind its words; NULL: none. */
void request_refuse(struct api_request *request, enum studio_err err, const char *detail);
/* Answers with the JSON in `body`, which is finished; 503 if there was no memory for it. */
void request_reply(struct api_request *request, struct buf *body);

#endif
