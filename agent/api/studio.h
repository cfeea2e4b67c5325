/* studio.h - all agents of a database that many share, and their tables, read only. Net thread. */
#ifndef AGENT_API_STUDIO_H
#define AGENT_API_STUDIO_H

#include "api/request.h"

struct studio;

/* For an agent whose store is shared. NULL: no memory. */
struct studio *studio_create(struct api *api);
/* After the last exchange and the lookup's end. NULL does nothing, here and below. */
void studio_destroy(struct studio *studio);
/* Some times a second: what nobody asks for is not kept. */
void studio_tick(struct studio *studio);

/* GET /api/v1/studio */
void studio_get(struct api_request *request);

#endif
