/*
 * brokers.h - the configured brokers, in order of preference, with their credentials. Read once.
 */
#ifndef BRIDGE_BROKERS_H
#define BRIDGE_BROKERS_H

#include "bridge_source.h"

enum { BROKERS_MAX = 16, BROKER_URI_MAX = 255 };

struct broker {
    char *name;     /* as configured, for people */
    char *uri;      /* tcp:// or ssl:// */
    char *username; /* NULL: none */
    char *password; /* NULL: none */
};

struct brokers {
    struct broker list[BROKERS_MAX];
    size_t count;
};

/*
 * Takes the configuration apart: URIs by comma; user names one for all or one for each, by comma;
 * the password for all, or from a file with one line for all or one for each, taken as it stands, blanks
 * and all. `error` (never NULL)
 * says what is wrong. Errors: USAGE, NO_MEMORY. Call brokers_finish in either case.
 */
STUDIO_MUST_USE enum studio_err brokers_init(struct brokers *b, const struct bridge_config *config,
                                             struct studio_error *error);
void brokers_finish(struct brokers *b);

#endif
