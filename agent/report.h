/*
 * report.h - what the net thread tells the service manager while it serves: that it does, how, in a line of words
 * for `systemctl status`, and that it is alive.
 *
 * Alive means that the loop that serves goes round, and that the thread of the store does: without that nobody
 * gets an answer. What the store's thread is at may take a disk long; STORE_PATIENCE_MS is longer than any disk
 * that is of use.
 */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

struct figures;
struct service;

enum {
    REPORT_WORDS_MS = 5000, /* the line of words is renewed, if it has changed */
    STORE_PATIENCE_MS = 60000
};

/* Zeroed but for the first three. Net thread only. */
struct report {
    const struct service *service; /* NULL: there is nobody to tell */
    const struct figures *figures;
    const char *standby; /* instead of the figures' words; NULL: these */
    bool ready;          /* has been told */
    bool silent;         /* no sign of life is given; the log has been told */
    int64_t alive_at, words_at;
    char words[192];
};

/* Every LOOP_TICK_MS; `store_ms` is when the store's thread last went round. */
void report_tick(struct report *report, int64_t now_ms, int64_t store_ms);
/* The agent begins to stop. */
void report_stop(const struct report *report);

#endif
