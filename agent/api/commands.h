/* commands.h - what changes a table: an update, an exception, its removal. Net thread. */
#ifndef AGENT_API_COMMANDS_H
#define AGENT_API_COMMANDS_H

struct api_request;

/* The core gives the answer, when it is durable. */
void commands_update(struct api_request *request);
void commands_exception(struct api_request *request);
void commands_remove(struct api_request *request);

#endif
