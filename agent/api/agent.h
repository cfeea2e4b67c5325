/* agent.h - what the agent is, and how. Net thread. */
#ifndef AGENT_API_AGENT_H
#define AGENT_API_AGENT_H

struct api_request;

void agent_get(struct api_request *request);

#endif
