/*
 * control.h - what the agent says of itself on the publishing connection: that it is online (first of
 * all), info, health every ten seconds, its last word; and it watches its own availability for
 * foreign words, and what is retained of the tables for somebody wiping it. On MQTT 5 all but the last
 * word expires, and is said again before. Where names are in use that a broker may not carry, it sends
 * a message to itself and looks what comes back (carry.h). Bridge thread.
 */
#ifndef BRIDGE_CONTROL_H
#define BRIDGE_CONTROL_H

#include "announce.h"
#include "outbox.h"
#include "window.h"

/* What is said once per connection or by the clock, in this order. */
enum control_word {
    CONTROL_BIRTH,
    CONTROL_WATCH,
    CONTROL_INFO,
    CONTROL_HEALTH,
    CONTROL_WATCH_TABLES, /* MQTT 5 only: else it would hear all it says itself */
    CONTROL_WATCH_CHECK,  /* then what was sent to itself will be heard */
    CONTROL_CHECK,
    CONTROL_FAREWELL,
    CONTROL_WORDS
};

enum {
    CONTROL_HEALTH_MS = 10000,
    CONTROL_HEALTH_EXPIRY_S = 30,
    CONTROL_RETRY_MS = 1000, /* after a passing refusal */
    CONTROL_BIRTH_MS = 1000, /* between two births of one connection */
    CONTROL_WATCH_TRIES =
        2 /* connections in a row that may end on a watch; then it is left out, that of the own
             availability on one connection */
};

struct control_options {
    const struct bridge_source *source;
    const char *info;               /* payload of `info` */
    uint64_t (*ignored)(void *ctx); /* messages ignored so far, for health; NULL: none */
    void *ignored_ctx;
    const char *(*commands)(void *ctx); /* their state, for health; NULL: they wait */
    void *commands_ctx;
    bool shared_root; /* other agents publish there, too: what they clear is not ours */
};

struct control {
    struct control_options o;
    struct window *window;
    struct outbox *outbox; /* its figures are in health */
    /* This connection: */
    struct announce_presence presence;
    struct buf birth;
    const char *last_word; /* the state to say last, NULL: it stays */
    bool farewell_said, farewell_done;
    unsigned due; /* a bit for each word */
    int64_t due_ms[CONTROL_WORDS];
    int64_t birth_ms; /* when online was said last */
    enum control_check { CHECK_NOT_YET, CHECK_ASKED, CHECK_READY, CHECK_REFUSED } check;
    unsigned
        unwatched[CONTROL_WORDS]; /* connections in a row that ended before an answer to a watch */
    struct log_limit birth_log;
};

void control_init(struct control *c, const struct control_options *options, struct window *window,
                  struct outbox *outbox);
void control_finish(struct control *c);

/* A connection is up: `presence` is that of its will. */
void control_up(struct control *c, const struct announce_presence *presence);
void control_down(struct control *c);
/* The own availability topic was read; `same`: it says what was said last. */
void control_heard(struct control *c, bool same);
/* The message to itself is back (link.h, LINK_ECHO). */
void control_echoed(struct control *c, bool same, int64_t now_ms);
/* Before sending: is there something new in use to be checked? */
void control_look(struct control *c);
/* All that is retained is said again. */
void control_again(struct control *c);
/* From now on nothing is said but, when told to, this last state (a literal). */
void control_leave(struct control *c, const char *state);
void control_say_farewell(struct control *c, int64_t now_ms);

bool control_ready(const struct control *c, int64_t now_ms);
/* Says the first thing that is due. False: not now. */
bool control_send(struct control *c, int64_t now_ms);
/* A word in flight ended (link.h, LINK_DONE). */
void control_done(struct control *c, enum control_word word, int reason, int64_t now_ms);
/* When control_ready may change by time alone; INT64_MAX: never. */
int64_t control_deadline(const struct control *c);

#endif
