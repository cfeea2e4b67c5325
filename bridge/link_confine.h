/*
 * link_confine.h - what the process of an MQTT connection gives up before it does anything else: whoever
 * takes it over by way of the network, the library or TLS has a process that can do nothing but talk MQTT.
 */
#ifndef BRIDGE_LINK_CONFINE_H
#define BRIDGE_LINK_CONFINE_H

/* Once, while there is one thread; cannot be undone. Returns NULL, or why the calls of the kernel are not
 * filtered: a constant. All else has been given up then, too. */
const char *link_confine(void);

#endif
