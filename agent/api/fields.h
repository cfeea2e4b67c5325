/* fields.h - header fields that are lists (RFC 9110): what a client wants, and how much; what it has already. Pure; any
 * thread. */
#ifndef AGENT_API_FIELDS_H
#define AGENT_API_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

/* What stands between two commas: a name, and parameters behind semicolons. Points into the list. */
struct field_part {
    const char *name, *parameters;
    size_t name_len, parameters_len;
};

/* Takes the next one off the list. False: there is none. */
bool fields_next(const char **list, struct field_part *part);
/* Is this its name, in whatever case? */
bool fields_is(const struct field_part *part, const char *name);
/* The value of a parameter, without quotes; NULL: it has none of this name. */
const char *fields_parameter(const struct field_part *part, const char *name, size_t *len);
/* How much it is wanted, `q=`, in thousandths; 1000 if that is not said, 0 if it is not understood. */
int fields_quality(const struct field_part *part);

/* Is `tag`, in its quotes, one of a list of entity tags, or the list `*`? What is no list names none. */
bool fields_name_tag(const char *list, const char *tag);

#endif
