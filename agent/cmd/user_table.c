#include "cmd/user_table.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/days.h"
#include "auth/digest.h"
#include "auth/token_file.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/times.h"

enum { DAY_S = 86400 };

static void print_day(int64_t wall_s, char out[TIME_S_LEN + 1])
{
    time_print_s(wall_s, out);
    out[TIME_DAY_LEN] = '\0';
}

/* "never", or the last day a line is good for. */
static void print_expiry(const struct token_line *line, char out[TIME_S_LEN + 1])
{
    if (line->until_s == INT64_MAX)
        snprintf(out, TIME_S_LEN + 1, "never");
    else
        print_day(line->until_s - 1, out);
}

/* The last day it was used, as far as is known. */
static void print_last(const struct days *days, const struct token_line *line,
                       char out[TIME_S_LEN + 1])
{
    int day = days ? days_find(days, line) : 0;
    if (day == 0)
        snprintf(out, TIME_S_LEN + 1, "-");
    else
        print_day((int64_t)day * DAY_S, out);
}

/* The file is named where there may be several. */
static void begin_file(struct user_table *table, const char *file)
{
    if (table->file && strcmp(table->file, file) == 0)
        return;
    if (!table->file)
        fputs(table->title, stdout);
    if (strcmp(table->path, file) != 0)
        printf("%s%s:\n", table->file ? "\n" : "", file);
    printf("%4s  %-8s  %-*s  %-10s  %-10s  %s\n", "line", "role", USER_TABLE_HASH, "hash",
           "expires", "last used", "id");
    free(table->file);
    table->file = strdup(file); /* without memory there is one heading more */
}

void user_table_print(void *ctx, const char *file, unsigned number, const struct token_line *line)
{
    struct user_table *table = ctx;
    char hex[DIGEST_HEX_LEN + 1], expiry[TIME_S_LEN + 1], last[TIME_S_LEN + 1];
    struct buf pattern;
    bool expired = line->until_s <= (int64_t)time(NULL);
    begin_file(table, file);
    buf_init(&pattern, SIZE_MAX);
    token_pattern_print(&pattern, line->pattern);
    text_hex(line->digest, DIGEST_LEN, hex);
    print_expiry(line, expiry);
    print_last(table->days, line, last);
    printf("%4u  %-8s  %-*.*s  %-10s  %-10s  %s%s", number, role_name(line->role), USER_TABLE_HASH,
           USER_TABLE_HASH, line->certificate ? "certificate" : hex, expiry, last,
           buf_ok(&pattern) ? pattern.data : line->pattern, expired ? "  (expired)" : "");
    if (line->tables != TOKEN_TABLES)
        printf("  tables=%u", line->tables);
    if (line->slow)
        fputs("  yescrypt", stdout);
    putchar('\n');
    buf_finish(&pattern);
}

void user_table_begin(struct user_table *table, const char *title, const char *path,
                      const char *data)
{
    struct studio_error error;
    *table = (struct user_table){.title = title, .path = path};
    if (days_read(data, &table->days, &error) != STUDIO_OK)
        fprintf(stderr, "when they were last used is not known: %s\n", error.text);
}

void user_table_end(struct user_table *table)
{
    days_free(table->days);
    free(table->file);
}
