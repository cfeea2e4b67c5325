/* options.h - what a core is made with. */
#ifndef AGENT_CORE_OPTIONS_H
#define AGENT_CORE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock;
struct figures;
struct lookup;
struct studio_values;

struct core_options {
    const struct clock *clock;
    const struct studio_values *lists; /* of the configuration; outlive the core */
    struct figures *figures;           /* counted into; outlive the core */
    struct lookup *lookup;             /* for remembered requests; outlives the last message */
    uint64_t last_seq;                 /* newest committed event at start */
    bool mirror;                       /* a broker is configured: the backlog is bounded */
    uint64_t max_backlog;
    size_t max_tables;
    int64_t rate, burst; /* messages per second and bucket */
    bool create_tables;  /* an MQTT command may create a table */
    bool shared_root;    /* silence on MQTT commands for unknown tables */
};

#endif
