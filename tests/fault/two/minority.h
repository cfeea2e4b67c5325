/*
 * minority.h - clients that are cut off together with the owner: what they are told, and when.
 *
 * Twice a second another one comes, makes one update with an operator's token and waits for the answer;
 * /readyz is asked for meanwhile. Who was there before the agent knew has his update in doubt, and is
 * told when that is known: not what this is about.
 */
#ifndef TESTS_FAULT_TWO_MINORITY_H
#define TESTS_FAULT_TWO_MINORITY_H

#include <stdint.h>

#include "fault/two/hosts.h"

struct minority;

struct minority_figures {
    int64_t acked_ms;   /* when the last one came whose update was acknowledged (now_ms); 0: none */
    int64_t refused_ms; /* when one was refused first */
    char told[80];      /* in which words */
    unsigned waiting;   /* who have no answer: from before it knew */
    int64_t unready_ms; /* when /readyz was no 200 first */
    char unready[200];
};

/* They change `table`. */
struct minority *minority_create(enum host agent, const char *table);
/* Comes, hears and sends, without waiting. NULL does nothing. */
void minority_step(struct minority *minority);
struct minority_figures minority_figures(const struct minority *minority);
void minority_destroy(struct minority *minority);

#endif
