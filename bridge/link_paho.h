/*
 * link_paho.h - the one connection of a link's process, over the Paho MQTT C library. The pitfalls
 * this works around are P1-P12 of the project's research notes; the short form stands at each place.
 *
 * paho_connect is called on the process's main thread; the library's sending thread then calls the others,
 * in `sleep`. Reports come from any thread, mostly with the library's lock held: the receiver only writes
 * them down.
 */
#ifndef BRIDGE_LINK_PAHO_H
#define BRIDGE_LINK_PAHO_H

#include "link_wire.h"

struct paho_reports {
    void (*event)(const struct link_event *event);
    void (*command)(const struct link_command *command); /* link LINK_IN */
    void (*log)(enum log_level level, const char *text);
    /* As gather_start has them. */
    void (*idle)(void);
    void (*sleep)(int blocked, int ms);
    int wake;
};

/* As link.h has it. Once; `in` and its strings live as long as the process. */
bool paho_connect(const struct wire_message *in, const struct paho_reports *reports,
                  char text[LINK_TEXT_MAX]);
bool paho_publish(unsigned slot, const struct link_message *message);
bool paho_subscribe(unsigned slot, const char *const *filters, size_t count, enum link_watch watch,
                    const char *own);
bool paho_disconnect(bool will);

/* Returns when the library can be called; if it never can, the caller hangs as it does. */
void paho_touch(void);

#endif
