/* user_table.h - users for people on standard output: a table for each file, which begins with its first row. */
#ifndef AGENT_CMD_USER_TABLE_H
#define AGENT_CMD_USER_TABLE_H

#include "auth/token_line.h"

struct days;

enum { USER_TABLE_HASH = 12 }; /* hexadecimal digits of a hash that are shown */

struct user_table {
    const char *title; /* printed before the first */
    const char *path;  /* the one file, or the directory they are in */
    struct days *days; /* when they were last used; NULL: not known */
    char *file;        /* of the last row; owned */
};

/* Of users in `path`, last used as `data`, the directory of the agent, knows; both and `title` outlive it. */
void user_table_begin(struct user_table *table, const char *title, const char *path,
                      const char *data);
/* A row; a token_file_user_fn, `ctx` is the table. */
void user_table_print(void *ctx, const char *file, unsigned number, const struct token_line *line);
void user_table_end(struct user_table *table);

#endif
