#include "api/stream_filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/names.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Cuts f->names into f->tables, which has room. False: one is no name of a table. */
static bool split(struct stream_filter *f)
{
    char *rest = f->names;

    for (char *name; (name = strsep(&rest, ",")) != NULL;) {
        if (strcmp(name, "*") == 0)
            f->all = true;
        else if (name_is_table(name, strlen(name)))
            f->tables[f->count++] = name;
        else
            return false;
    }
    return true;
}

static void leave_out_doubles(struct stream_filter *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->count; i++)
        if (n == 0 || strcmp(f->tables[n - 1], f->tables[i]) != 0)
            f->tables[n++] = f->tables[i];
    f->count = n;
}

bool stream_filter_tables(struct stream_filter *f, const char *text)
{
    size_t count = 1;

    for (const char *c = text; *c; c++)
        count += *c == ',';
    f->names = strdup(text);
    f->tables = calloc(count, sizeof(*f->tables));
    if (!f->names || !f->tables) {
        f->failed = true;
        return true;
    }
    if (!split(f))
        return false;
    qsort(f->tables, f->count, sizeof(*f->tables), by_name);
    leave_out_doubles(f);
    return true;
}

void stream_filter_finish(struct stream_filter *f)
{
    free(f->tables);
    free(f->names);
    *f = (struct stream_filter){.kinds = 0};
}

bool stream_filter_takes(const struct stream_filter *f, const struct studio_event *event)
{
    return (f->kinds & EVENT_BIT(event->kind)) != 0 &&
           (f->all ||
            bsearch(&event->table_id, f->tables, f->count, sizeof(*f->tables), by_name) != NULL);
}
