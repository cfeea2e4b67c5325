/* prompt.h - the lines of `studio-client interactive`: parsed, and completed. Pure. */
#ifndef CLIENT_PROGRAM_PROMPT_H
#define CLIENT_PROGRAM_PROMPT_H

#include <stddef.h>
#include <stdio.h>

#include "studio/client.h"
#include "studio/error.h"
#include "studio/status.h"

enum { PROMPT_LINE_MAX = 16384, PROMPT_FIELDS_MAX = 16 };

enum prompt_kind {
    PROMPT_EMPTY, /* nothing, or a # comment */
    PROMPT_UPDATE,
    PROMPT_JSON,      /* custom {json}: `text` */
    PROMPT_EXCEPTION, /* `text` */
    PROMPT_STATUS,
    PROMPT_HELP,
    PROMPT_QUIT
};

struct prompt_line {
    enum prompt_kind kind;
    struct studio_client_field fields[PROMPT_FIELDS_MAX]; /* UPDATE */
    size_t count;
    const char *text;
};

/* Takes `line` apart in place; *out points into it. Names and values are checked. Errors: USAGE. */
STUDIO_MUST_USE enum studio_err prompt_parse(const struct studio_values *lists, char *line,
                                             struct prompt_line *out, struct studio_error *error);

/* The n-th word, counting from 0, that may complete `prefix`, which begins at line[start]; NULL
 * when there are no more. Lives as long as `lists`. */
const char *prompt_candidate(const struct studio_values *lists, const char *line, size_t start,
                             const char *prefix, size_t n);

/* What can be typed, from the field table. */
void prompt_help(const struct studio_values *lists, FILE *out);

#endif
