/* stream_filter.h - which events a stream is about: of which tables, of which kinds. Any thread, once it is
 * made. */
#ifndef AGENT_API_STREAM_FILTER_H
#define AGENT_API_STREAM_FILTER_H

#include "model/event.h"

/* Zeroed memory is about nothing. */
struct stream_filter {
    unsigned kinds;      /* EVENT_BIT of each */
    bool all;            /* of every table, those to come too */
    const char **tables; /* else of these, by name; each once */
    size_t count;
    char *names; /* what they point to */
    bool failed; /* there was no memory for them */
};

/* Once: `*` or names of tables, with commas. False: it is neither. */
bool stream_filter_tables(struct stream_filter *filter, const char *text);
void stream_filter_finish(struct stream_filter *filter);

bool stream_filter_takes(const struct stream_filter *filter, const struct studio_event *event);

#endif
