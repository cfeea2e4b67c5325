/* prompt.h - the lines of `studio-client interactive`: parsed, and completed. Pure. */
#ifndef CLIENT_PROGRAM_PROMPT_H
#define CLIENT_PROGRAM_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "pairs.h"
#include "studio/error.h"
#include "studio/status.h"

enum { PROMPT_WORDS_MAX = 2 * PAIRS_MAX };

enum prompt_kind {
    PROMPT_EMPTY, /* nothing, or a # comment */
    PROMPT_UPDATE,
    PROMPT_JSON,      /* custom {json}: `text` */
    PROMPT_EXCEPTION, /* `text` */
    PROMPT_STATUS,    /* `text`: a table, or empty */
    PROMPT_HELP,
    PROMPT_SHELL, /* a word of the command line only; never returned */
    PROMPT_QUIT
};

struct prompt_line {
    enum prompt_kind kind;
    struct pairs pairs; /* UPDATE */
    const char *text;
};

/* Takes `line` apart in place; *out points into it. The words are those of the command line: `sdp=up`,
 * `sdp up`, with or without `set` before them; a blank may stand in quotes. Names and values are
 * checked. Call prompt_finish in either case. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err prompt_parse(const struct studio_values *lists, char *line,
                                             struct prompt_line *out, struct studio_error *error);

void prompt_finish(struct prompt_line *line);

/* Must not be kept in the history: it may hold a token. `token` is the one in use. */
bool prompt_is_secret(const char *line, const char *token);

/* The n-th word, counting from 0, that may complete `prefix`, which begins at line[start]; NULL
 * when there are no more. Lives as long as `lists`. */
const char *prompt_candidate(const struct studio_values *lists, const char *line, size_t start,
                             const char *prefix, size_t n);

/* What can be typed, from the field table. */
void prompt_help(const struct studio_values *lists, FILE *out);

#endif
