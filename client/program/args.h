/* args.h - the command line of studio-client, taken apart. */
#ifndef CLIENT_PROGRAM_ARGS_H
#define CLIENT_PROGRAM_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "studio/error.h"

/* Strings point into argv. NULL and 0: not given. */
struct args {
    const char *url, *table, *device, *token, *token_file, *ca_file, *cert_file, *key_file;
    const char *service_values, *device_values;
    unsigned timeout_ms;
    const char *id; /* instead of table and device */
    bool all, json, custom, yes, help, version;
    const char *tables, *kinds, *since, *until, *state;
    uint64_t from_rev, to_rev, limit, from_seq;
    bool newest_first;
    const char *command;     /* `demo` if none is given */
    int count;               /* of what follows the command */
    const char *const *rest; /* */
};

/* Options may stand before and after the command; after `--` nothing is an option. argv is put in
 * order. Not thread-safe (getopt). Errors: USAGE. */
STUDIO_MUST_USE enum studio_err args_parse(int argc, char **argv, struct args *out,
                                           struct studio_error *error);

/* The i-th option as help, manual and completion tell it; false behind the last. */
struct args_option {
    const char *name;  /* without the two dashes */
    const char *value; /* what stands for it; NULL: it has none */
    const char *what;
};
bool args_option(size_t i, struct args_option *out);

#endif
