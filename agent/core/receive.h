/* receive.h - a message arrives: decoded into its item, checked, and handed to what carries it out.
 * Each leads to exactly one answer, now or later. */
#ifndef AGENT_CORE_RECEIVE_H
#define AGENT_CORE_RECEIVE_H

#include "core/item.h"
#include "model/replay.h"

struct core;
struct http_command;

/* Of a connection. */
void receive_message(struct core *core, struct actor *actor, const char *text, size_t len);
/* Of MQTT; `field` NULL: a message, else the value of this field. */
void receive_command(struct core *core, struct actor *actor, const char *field, const char *text,
                     size_t len);
/* One that was retained: only refused, with its request_id. */
void receive_retained(struct core *core, struct actor *actor, const char *field, const char *text,
                      size_t len);
/* Of HTTP; `full`: so much waits that this cannot. */
void receive_http_command(struct core *core, struct actor *actor,
                          const struct http_command *command, bool full);
/* A request for replay, of MQTT. True: it is one, `out` says of what, and who asked is answered by the
 * replay; else it has had its answer. */
STUDIO_MUST_USE bool receive_replay(struct core *core, struct actor *actor, const char *text,
                                    size_t len, bool retained, struct studio_replay *out);
/* The commands in line whose lookups have come back, as far as their turn has come. */
void receive_in_line(struct core *core);

#endif
