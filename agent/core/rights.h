/* rights.h - who may do what to which table over which transport (sections 3, 4 and 6). */
#ifndef AGENT_CORE_RIGHTS_H
#define AGENT_CORE_RIGHTS_H

#include "core/actor.h"
#include "protocol/message.h"

/* May this actor do what the message says, to the tables it names? Errors: NOT_PERMITTED;
 * ALREADY_AUTHENTICATED or INVALID_FIELD_NAME for credentials, by transport. */
STUDIO_MUST_USE enum studio_err rights_check(const struct actor *actor,
                                             const struct message *message,
                                             struct studio_error *error);
/* May it read this table; NULL: any? */
bool rights_to_read(const struct actor *actor, const char *table_id);
/* May it, by joining or by a command, make its own table? (On MQTT if it is configured.) */
bool rights_to_create(const struct actor *actor);
/* Does it stand in the presence of its table? */
bool rights_to_be_seen(const struct actor *actor);

#endif
