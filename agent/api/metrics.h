/*
 * metrics.h - what `GET /metrics` tells (protocol section 5): the table of figures, and what is computed
 * from it. Net thread.
 */
#ifndef AGENT_API_METRICS_H
#define AGENT_API_METRICS_H

#include "api/exposition.h"

struct api;
struct api_request;

void metrics_respond(struct api_request *request);

/* The page. */
void metrics_print(const struct api *api, enum exposition_format format, struct buf *out);

#endif
