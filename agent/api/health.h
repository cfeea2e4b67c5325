/* health.h - is it alive, is it ready; without credentials. */
#ifndef AGENT_API_HEALTH_H
#define AGENT_API_HEALTH_H

struct api_request;

void health_alive(struct api_request *request);
void health_ready(struct api_request *request);
/* At an address that takes only upgrades. */
void health_websocket(struct api_request *request);

#endif
