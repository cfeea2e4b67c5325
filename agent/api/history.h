/* history.h - what has become of a table: its events page by page, and its document before them. Net thread. */
#ifndef AGENT_API_HISTORY_H
#define AGENT_API_HISTORY_H

struct api;
struct api_request;

void history_get(struct api_request *request);
/* At the end, when lookups and requests are gone: frees what was still on its way. */
void history_finish(struct api *api);

#endif
