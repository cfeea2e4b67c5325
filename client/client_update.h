/* client_update.h - an update as text, each field checked as the agent will check it. Pure. */
#ifndef CLIENT_CLIENT_UPDATE_H
#define CLIENT_CLIENT_UPDATE_H

#include "base/buf.h"
#include "studio/client.h"
#include "studio/status.h"

/* The field of any spelling; NULL for a custom field. */
const struct studio_field *update_field(const char *name);

/* True if it names the table, in any spelling. */
bool update_names_table(const char *name);

/* Appends the flat update. Errors: USAGE naming the field and what it expects, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err update_print(struct buf *out, const struct studio_values *lists,
                                             const struct studio_client_field *fields, size_t count,
                                             struct studio_error *error);

/*
 * One KEY=VALUE of the command line as a field. A built-in field's value is its name, `on`/`off`
 * stand for true/false; a custom one is sent as JSON if it is JSON, else as a JSON string; an empty
 * one removes the custom field. *name and *value are to be free()d, also after an error.
 * Errors: USAGE, NO_MEMORY.
 */
STUDIO_MUST_USE enum studio_err update_parse_pair(const char *pair, char **name, char **value,
                                                  struct studio_error *error);

/* The name a value is sent under: `on` and `off` of a flag made true and false; else itself. */
const char *update_value_name(const struct studio_field *field, const char *value);

#endif
