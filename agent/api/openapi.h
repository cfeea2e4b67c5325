/* openapi.h - the description of the API, for machines. Net thread. */
#ifndef AGENT_API_OPENAPI_H
#define AGENT_API_OPENAPI_H

#include <stddef.h>

struct api_request;

/* include/openapi.json, put in by the build (embed.cmake). */
extern const unsigned char openapi_text[];
extern const size_t openapi_len;

void openapi_get(struct api_request *request);

#endif
