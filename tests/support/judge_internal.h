/* judge_internal.h - what the two halves of the judge share. */
#ifndef TESTS_SUPPORT_JUDGE_INTERNAL_H
#define TESTS_SUPPORT_JUDGE_INTERNAL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/judge.h"

/* One delivery of an event. */
struct judge_event {
    size_t epoch, table; /* indexes */
    uint64_t seq, rev;
    uint64_t arrival;
    bool is_change, replayed;
    char *payload; /* without the mark of a replay */
};

struct judge_epoch {
    char *name;
    uint64_t newest;
};

struct judge_table {
    char *id;
    char *status; /* the last document received; NULL: none, or cleared */
    uint64_t uptime;
    bool has_uptime;
    cJSON *fields; /* the last payload of each fields topic, as strings */
};

struct judge {
    char *root;
    struct judge_event *events; /* in order of arrival, or by (epoch, seq, arrival) when sorted */
    size_t event_count;
    bool sorted;
    uint64_t arrivals;
    uint64_t start;             /* 0: whatever comes first */
    struct judge_epoch *epochs; /* in the order they were first seen */
    size_t epoch_count;
    struct judge_table *tables;
    size_t table_count;
    char **notes; /* violations seen on arrival */
    size_t note_count;
    size_t found[JUDGE_KINDS]; /* by the last check */
};

/* Room for one more in an array of `count`. */
void *judge_grow(void *array, size_t count, size_t size);

#endif
