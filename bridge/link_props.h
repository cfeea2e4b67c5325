/* link_props.h - what MQTT 5 says beside a message: its properties, ours and those of others. */
#ifndef BRIDGE_LINK_PROPS_H
#define BRIDGE_LINK_PROPS_H

#include <MQTTProperties.h>

#include "link.h"

enum { PROPS_MAX = 8, PROPS_SEQ_MAX = 24 };

/* Made by the two functions below. The library copies what it is given, so it may live on the stack; the strings
 * it was made of live as long. Stays where it is. */
struct props {
    MQTTProperties all;
    MQTTProperty list[PROPS_MAX];
    char seq[PROPS_SEQ_MAX];
};

/* Of a message of this agent (promise 8). */
void props_of_message(struct props *props, const struct link_message *message, const char *agent_id,
                      const char *epoch);
/* What the broker is told of us: what may be in flight towards us, and how large. */
void props_of_connect(struct props *props, const struct link_target *target);

/* A number in somebody else's; `otherwise`: it is not there. */
unsigned props_number(const MQTTProperties *properties, enum MQTTPropertyCodes code,
                      unsigned otherwise);

#endif
