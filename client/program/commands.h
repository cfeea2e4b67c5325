/* commands.h - the table of commands. Constant data. */
#ifndef CLIENT_PROGRAM_COMMANDS_H
#define CLIENT_PROGRAM_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "program.h"

struct command {
    const char *name;
    const char *arguments;
    int at_least, at_most;
    program_command_fn *run;
    const char *what; /* NULL: another name, that help does not tell */
    bool any_table;   /* not only that of the user id */
};

extern const struct command commands[];
extern const size_t command_count;

/* NULL if there is none of this name. */
const struct command *command_find(const char *name);

/* Says so, with the one that may have been meant; the exit code. */
int command_unknown(const char *name);

#endif
