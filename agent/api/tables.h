/* tables.h - tables as they are: all that may be watched, page by page, and a single one. Net thread. */
#ifndef AGENT_API_TABLES_H
#define AGENT_API_TABLES_H

struct api_request;

void tables_list(struct api_request *request);
void tables_get(struct api_request *request);

#endif
