/*
 * fake_lookup.h - the functions of lookup.h the core calls, without a thread: a job is carried out
 * when the core takes what came back, unless the test holds it up.
 *
 * It defines them, so one source of a program includes it and the real ones are not linked.
 */
#ifndef TESTS_SUPPORT_FAKE_LOOKUP_H
#define TESTS_SUPPORT_FAKE_LOOKUP_H

#include <stddef.h>

#include "core/lookup.h"

struct lookup {
    struct store_reader *reader;
    struct lookup_job *first, *last;
    size_t count;
    size_t max;         /* 0: LOOKUP_MAX */
    bool held;          /* nothing comes back */
    unsigned submitted; /* so far */
};

bool lookup_submit(struct lookup *l, struct lookup_job *job)
{
    if (l->count >= (l->max ? l->max : LOOKUP_MAX))
        return false;
    l->count++;
    l->submitted++;
    job->next = NULL;
    if (l->last)
        l->last->next = job;
    else
        l->first = job;
    l->last = job;
    return true;
}

void lookup_take(struct lookup *l)
{
    struct lookup_job *job = l->first, *next;

    if (l->held)
        return;
    l->first = l->last = NULL;
    for (; job; job = next) {
        next = job->next;
        l->count--;
        job->read(job, l->reader);
        job->done(job);
    }
}

#endif
