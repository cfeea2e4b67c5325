/* fields.h - the built-in fields in what tests expect: names, order and first values come from the
 * table of the product, so that one more field changes no test. */
#ifndef TESTS_SUPPORT_FIELDS_H
#define TESTS_SUPPORT_FIELDS_H

#include <stddef.h>

/* The index of the field with this key. */
size_t field(const char *key);

enum fields_form {
    FIELDS_JSON,    /* "NAME":value,... as in a document */
    FIELDS_CHANGES, /* "NAME":[null,value],... as in a table's first event */
    FIELDS_PLAIN,   /* NAME=value NAME=value ... */
    FIELDS_EMPTY    /* NAME= NAME= ... */
};

/* All of them in document order at their first values, but for `other`: "sdp=up zcam=up", at most 256
 * bytes. The text is good for the next seven calls of this thread. */
const char *fields(enum fields_form form, const char *other);

#endif
