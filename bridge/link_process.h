/*
 * link_process.h - struct link as a process of its own: each connection, and each attempt at one, is a
 * child of the agent that does nothing but MQTT (link_main.c). A socket is its only tie.
 *
 * Whatever goes wrong in the library goes wrong there: the child that dies, runs out of memory or
 * talks nonsense is a lost connection, and so is one that does not answer for LINK_HANG_MS; the child
 * of a connection that is over is killed. It ends by itself when the agent does.
 *
 * Bridge thread. The functions of struct link never block and never report; link_process_step does.
 */
#ifndef BRIDGE_LINK_PROCESS_H
#define BRIDGE_LINK_PROCESS_H

#include "base/clock.h"
#include "link.h"

enum {
    LINK_FD = 3, /* the socket, in the child */
    LINK_EXIT_MEMORY = 71,
    LINK_PING_MS = 5000,
    LINK_HANG_MS = 20000 /* without an answer, a whole number of pings */
};
/* What a child is called (argv[0], as ps shows it); the name of its link follows. A program that may
 * be started as one (link_options.program) has to call link_main first of all when it finds this. */
#define LINK_ARGV0 "studio-agent: mqtt "

struct link_options {
    enum link_id id;
    const char *program;          /* runs the child; lives as long as the link */
    const char *agent_id, *epoch; /* user properties; live as long as the link */
    const struct clock *clock;
    void (*on_event)(void *ctx, const struct link_event *event);
    void (*on_command)(void *ctx, const struct link_command *command); /* LINK_IN */
    void *ctx;
};

/* NULL without memory. Destroying ends the child. */
struct link *link_process_create(const struct link_options *options);
void link_process_destroy(struct link *link);

/* What to wait for; -1: there is no child. *writing: and also until it can be written to. */
int link_process_fd(const struct link *link, bool *writing);
/* Once per turn: reads what can be read without waiting if it is `ready`, hands over what the child had
 * to say. Returns when to call again at the latest (mono_ms). */
int64_t link_process_step(struct link *link, bool ready);
/* Writes what the functions of struct link have left to be written; once per turn is enough. */
void link_process_flush(struct link *link);

#endif
