/*
 * judge.h - proves completeness and order the way the protocol promises it (section 4, Promises).
 *
 * The judge is handed everything a subscriber received under the root topic and then says, a line
 * each, what broke a promise:
 *   - an event is known by (epoch, seq); a repeat must be the same bytes again
 *   - first deliveries come in the order of seq (replayed ones may come at any time)
 *   - no number is missing between the first and the last one seen of an epoch (judge_start: nor
 *     before the first one)
 *   - rev of each table grows by exactly 1 from change to change
 *   - each change's old values are what the changes before it left
 *   - a live `status` never goes back, the last one has the newest rev and the values that all
 *     changes together give, and each last `fields/<FIELD>` is that value
 * It is plain memory and may be used in unit tests with invented messages.
 */
#ifndef TESTS_SUPPORT_JUDGE_H
#define TESTS_SUPPORT_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct mqttclient;
struct judge;

/* Violations by what is wrong. */
enum judge_kind {
    JUDGE_MISSING,   /* numbers */
    JUDGE_ORDER,     /* of first deliveries */
    JUDGE_BYTES,     /* a repeat that differs */
    JUDGE_CHANGES,   /* revisions and old values */
    JUDGE_DOCUMENTS, /* the last ones, and what is no event or document at all */
    JUDGE_KINDS
};

/* `root` is the root topic, usually "studio". */
struct judge *judge_create(const char *root);
void judge_destroy(struct judge *judge);

/* The subscriber was there before event `seq` of the newest epoch: that one is not to be missing. */
void judge_start(struct judge *judge, uint64_t seq);

/* One received message; other topics are ignored. */
void judge_feed(struct judge *judge, const char *topic, const char *payload, bool retain);

/* All that `client` has received and that was not taken from it yet. */
void judge_feed_client(struct judge *judge, struct mqttclient *client);

/* Feeds from the client until the newest event of the newest epoch has at least this number; fails
 * the test at the deadline. */
void judge_wait_seq(struct judge *judge, struct mqttclient *client, uint64_t seq);

/* Distinct events seen, deliveries that were repeats, and the newest number of the newest epoch. */
size_t judge_events(const struct judge *judge);
size_t judge_repeats(const struct judge *judge);
uint64_t judge_newest(const struct judge *judge);

/* The first hole of the newest epoch, from the oldest seen on; false if there is none. */
bool judge_hole(struct judge *judge, uint64_t *from, uint64_t *to);

/* Asks `agent` for every hole by replay, as login `name`, until none is left; returns how many
 * events were missing. The client must be subscribed to the agent's replayed/<name>. */
size_t judge_fetch_holes(struct judge *judge, struct mqttclient *client, const char *agent,
                         const char *name);

/* Prints every violation to `out` (NULL: nowhere) and returns how many there are. */
size_t judge_check(struct judge *judge, FILE *out);
/* How many of one kind the last check found. */
size_t judge_found(const struct judge *judge, enum judge_kind kind);

/* Feeds from the client until nothing is broken any more (documents follow their events); fails the
 * test at the deadline, with the violations on standard error. */
void judge_expect_clean(struct judge *judge, struct mqttclient *client);

#endif
