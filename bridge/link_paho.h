/*
 * link_paho.h - struct link over the Paho MQTT C library. The pitfalls this works around are P1-P12
 * of the project's research notes; the short form stands at each place in link_paho.c.
 */
#ifndef BRIDGE_LINK_PAHO_H
#define BRIDGE_LINK_PAHO_H

#include "events.h"

/* Returns when the command may be acknowledged to the broker. */
typedef void link_command_fn(void *ctx, const struct link_command *command);

struct link_paho_options {
    enum link_id id;
    const char *agent_id, *epoch; /* user properties; live as long as the link */
    struct events *events;
    link_command_fn *on_command; /* LINK_IN */
    void *ctx;
};

/* NULL without memory. */
struct link *link_paho_create(const struct link_paho_options *options);
void link_paho_destroy(struct link *link);

#endif
