/* routes.h - the one table of what is where: methods, paths, who may, and who answers. */
#ifndef AGENT_API_ROUTES_H
#define AGENT_API_ROUTES_H

#include "api/request.h"

enum access {
    ACCESS_ANYBODY,
    ACCESS_FIGURES, /* this machine, or who has the token for them (guard.h) */
    ACCESS_USER     /* who has logged in; what his role allows is the handler's to ask */
};

struct route {
    const char *method; /* "GET" answers HEAD as well */
    const char *path;   /* `{table}` stands for the name of one, `*` at the end for one part */
    enum access access;
    void (*respond)(struct api_request *request); /* leads to exactly one answer, now or later */
    bool always; /* also while this process may not answer for the tables */
};

extern const struct route routes[];
extern const size_t route_count;

#endif
