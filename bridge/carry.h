/*
 * carry.h - names a broker may not carry: those with a `.`, a blank or a `%` in them. NATS hangs up on a dot,
 * RabbitMQ makes a level of it.
 *
 * The names in use are noted as they stand in topics. If there is one, the agent sends a message to
 * itself, once per connection, on a topic with these characters in it (control.h); what becomes of it is
 * told here, and from here to the log and `health`. Bridge thread.
 */
#ifndef BRIDGE_CARRY_H
#define BRIDGE_CARRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "topics.h"

enum {
    CARRY_NAMES_MAX = 32, /* known by name; of others only the characters are */
    CARRY_LEVEL_MAX = 16, /* of the check's topic, with its NUL */
    CARRY_WAIT_MS = 10000 /* then it is not known what the broker does */
};

enum carry_verdict {
    CARRY_SAME,    /* it came back as it was */
    CARRY_CHANGED, /* on another topic */
    CARRY_HANGS_UP,
    CARRY_REFUSED, /* nothing is said about names, and the broker is not asked again */
    CARRY_SILENT   /* it did not come back: nothing is said about names */
};

struct carry_name {
    char text[TOPIC_ROOT_MAX + 1]; /* a name, or the root */
    unsigned marks;                /* a bit for each awkward character in it */
    const char *told;              /* the broker the log said it of; NULL: none */
};

struct carry {
    const struct topics *topics;
    struct carry_name names[CARRY_NAMES_MAX];
    size_t count;
    unsigned used; /* marks of all names seen */
    /* This connection: */
    const char *broker;
    unsigned asked;         /* marks the check was made with */
    unsigned uncarried;     /* marks it has shown not to be carried */
    enum carry_verdict how; /* CHANGED or HANGS_UP */
    int64_t since_ms;       /* the check is out since then; -1: it is not */
    const char *unknown;    /* the broker of which was said that it is not known */
    const char *refused;    /* the one that refused */
};

/* Root and agent id are names in use. `topics` outlives it. */
void carry_init(struct carry *c, const struct topics *topics);
/* A connection to `broker` (lives as long) is up. */
void carry_up(struct carry *c, const char *broker);
/* This topic is in use. */
void carry_note(struct carry *c, const char *topic);

/* There are characters in use that were not asked about on this connection, and may be. */
bool carry_due(const struct carry *c);
/* Asks about all that are in use: the level of the check's topic with them. */
void carry_ask(struct carry *c, int64_t now_ms, char level[CARRY_LEVEL_MAX]);
/* What became of it. True: there are names `health` has to tell of. */
bool carry_told(struct carry *c, enum carry_verdict verdict);
/* Gives the check up that should be back by now. */
void carry_look(struct carry *c, int64_t now_ms);

/* Appends the JSON array of the names that are not carried on this connection. */
void carry_print(const struct carry *c, struct buf *out);

#endif
