/*
 * status.h - the status model: the one table of fields, names and limits (protocol sections 1 and 2).
 *
 * The decoder, the status document, the per-field topics, the client's completion and the README
 * all come from studio_fields[]. Everything here is pure and may be called from any thread. The lists
 * of values belong to who uses them (an agent, a client): built-in ones, extended by configuration.
 */
#ifndef STUDIO_STATUS_H
#define STUDIO_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "studio/error.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum {
    STUDIO_TABLE_ID_MAX = 64,       /* bytes, without the terminating NUL; so are all below */
    STUDIO_DEVICE_MAX = 64,         /* bytes of UTF-8 */
    STUDIO_USER_ID_MAX = 129,       /* <table>_<device> */
    STUDIO_TOKEN_MIN = 4,           /* */
    STUDIO_TOKEN_MAX = 128,         /* */
    STUDIO_CUSTOM_NAME_MAX = 64,    /* */
    STUDIO_CUSTOM_VALUE_MAX = 1024, /* bytes of printed JSON */
    STUDIO_CUSTOM_FIELDS_MAX = 32,  /* per table */
    STUDIO_MESSAGE_MAX = 16384,     /* bytes of one message on any transport */
    STUDIO_REQUEST_ID_MAX = 64,     /* bytes of a request_id given as a string */
    STUDIO_JSON_DEPTH_MAX = 16,     /* nesting */
    STUDIO_VALUE_MAX = 32,          /* bytes of one value name */
    STUDIO_VALUES_MAX = 32,         /* values of one list */
    STUDIO_FIELDS_MAX = 16          /* built-in fields there can be */
};

/* A field's kind decides its list of values; values are kept as an index into that list. */
enum studio_kind { STUDIO_KIND_FLAG, STUDIO_KIND_SERVICE, STUDIO_KIND_DEVICE, STUDIO_KIND_COUNT };

struct studio_field {
    const char *name;      /* as in the document and in topics: "ZCam" */
    const char *key;       /* the usual spelling in an update: "zcam" */
    const char *alias;     /* a short name for the key: "barcode"; NULL if none */
    enum studio_kind kind; /* */
    const char *first;     /* the value a new table starts with */
    const char *what;      /* one line for help and README */
};

/* In document order. A new one is a row of this table (agent/model/status.c) and nothing else. */
extern const struct studio_field studio_fields[];
extern const size_t studio_field_count;

/* The field a key of an update names by key or alias, without regard to case and '_'; NULL if none.
 * `key` need not be NUL-terminated. */
const struct studio_field *studio_field_find(const char *key, size_t len);

/* The field a custom name may have been meant for: the nearest within two letters of its key or
 * alias, but with a letter in common; NULL if there is none. */
const struct studio_field *studio_field_near(const char *name);

/* The index of a field in studio_fields. */
size_t studio_field_index(const struct studio_field *field);

/* True when `key` equals `name` without regard to case and '_'. */
bool studio_key_equal(const char *key, size_t len, const char *name);

/* The lists of values, one for each kind. A plain value: copied by assignment, filled before it is
 * shared and only read afterwards. The built-in values are the first of every list. */
struct studio_values {
    size_t count[STUDIO_KIND_COUNT];
    char names[STUDIO_KIND_COUNT][STUDIO_VALUES_MAX][STUDIO_VALUE_MAX + 1];
};
extern const struct studio_values studio_built_in_values;

/* Adds values to the lists of services and devices: comma-separated names [A-Za-z0-9_-]{1,32},
 * a name already there is skipped; NULL adds nothing. On an error nothing was added.
 * Errors: USAGE with the bad name in `error`. */
STUDIO_MUST_USE enum studio_err studio_values_add(struct studio_values *values,
                                                  const char *service_values,
                                                  const char *device_values,
                                                  struct studio_error *error);

/* The value with this index in its kind's list, NULL behind the last. Flags are "false", "true". */
const char *studio_value_name(const struct studio_values *values, enum studio_kind kind,
                              size_t index);

/* The index of a value in its kind's list, or -1. Matched exactly. */
int studio_value_find(const struct studio_values *values, enum studio_kind kind, const char *value,
                      size_t len);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
