/* kept_config.h - the strings of its configuration that the bridge keeps. */
#ifndef BRIDGE_KEPT_CONFIG_H
#define BRIDGE_KEPT_CONFIG_H

#include "bridge_source.h"

/* A copy but for credentials, brokers and what else is taken apart once (brokers_init). False: no memory; there is
 * something to drop all the same. */
bool kept_config(struct bridge_config *kept, const struct bridge_config *config);
void kept_config_drop(struct bridge_config *kept);

#endif
