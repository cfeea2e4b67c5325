#include "watch_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/client_json.h"
#include "columns.h"
#include "shown.h"
#include "studio/status.h"

enum { CUSTOM_MAX = 200, STAMP_MAX = 24, REV_MAX = 20, NAME_WIDTH = 12, MARK_WIDTH = 5 };

struct view_row {
    char table_id[STUDIO_TABLE_ID_MAX + 1];
    char rev[REV_MAX + 1];
    char stamp[STAMP_MAX + 1];
    char values[STUDIO_FIELDS_MAX][STUDIO_VALUE_MAX + 1];
    char custom[CUSTOM_MAX + 1];
    bool stale; /* what it shows may be old */
    bool away;  /* no device of the table is connected */
};

static const struct {
    const char *value, *escape;
} colours[] = {
    {"up", "\x1b[32m"},          {"down", "\x1b[31m"},        {"standby", "\x1b[33m"},
    {"calibration", "\x1b[36m"}, {"exception", "\x1b[1;31m"}, {"on", "\x1b[1;33m"},
};

void view_init(struct view *view, const struct studio_values *lists)
{
    *view = (struct view){.lists = lists};
}

void view_finish(struct view *view)
{
    free(view->rows);
    view_init(view, view->lists);
}

/* Copies what fits, cut at a whole character; nothing in it is a command to the terminal. */
static void copy_shown(char *out, size_t cap, const char *text)
{
    size_t len = strlen(text);

    if (len > cap - 1)
        len = text_utf8_cut(text, cap - 1);
    memcpy(out, text, len);
    out[len] = '\0';
    shown_line(out, true);
}

static void add_custom(struct view_row *row, const char *name, const char *value)
{
    size_t len = strlen(row->custom);
    char one[CUSTOM_MAX + 1];

    snprintf(one, sizeof(one), "%s%s=%s", len > 0 ? "  " : "", name, value);
    copy_shown(row->custom + len, sizeof(row->custom) - len, one);
}

static bool take_member(void *ctx, const char *name, const char *value)
{
    struct view_row *row = ctx;

    if (strcmp(name, "TABLE_ID") == 0)
        copy_shown(row->table_id, sizeof(row->table_id), value);
    else if (strcmp(name, "UPTIME") == 0)
        copy_shown(row->rev, sizeof(row->rev), value);
    else if (strcmp(name, "TIMESTAMP") == 0)
        copy_shown(row->stamp, sizeof(row->stamp), value);
    else {
        for (size_t i = 0; i < studio_field_count; i++)
            if (strcmp(name, studio_fields[i].name) == 0) {
                copy_shown(row->values[i], sizeof(row->values[i]), value);
                return true;
            }
        add_custom(row, name, value);
    }
    return true;
}

/* Where table_id is, or belongs. */
static size_t find_row(const struct view *view, const char *table_id, bool *found)
{
    size_t low = 0, high = view->count;

    *found = false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(view->rows[mid].table_id, table_id);
        if (order == 0) {
            *found = true;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool make_room(struct view *view)
{
    if (view->count < view->cap)
        return true;
    size_t cap = view->cap == 0 ? 64 : view->cap * 2;
    struct view_row *rows = realloc(view->rows, cap * sizeof(*rows));
    if (rows == NULL)
        return false;
    view->rows = rows;
    view->cap = cap;
    return true;
}

bool view_document(struct view *view, const char *json)
{
    struct view_row row = {0};
    bool found;

    if (!json_each_member(json, take_member, &row) || row.table_id[0] == '\0')
        return false;
    size_t at = find_row(view, row.table_id, &found);
    if (!found) {
        if (view->count == VIEW_TABLES_MAX) {
            view->left_out++;
            return true;
        }
        if (!make_room(view))
            return false;
        memmove(&view->rows[at + 1], &view->rows[at], (view->count - at) * sizeof(row));
        view->count++;
    } else {
        row.away = view->rows[at].away;
    }
    view->rows[at] = row;
    return true;
}

void view_stale(struct view *view)
{
    for (size_t i = 0; i < view->count; i++)
        view->rows[i].stale = true;
}

void view_removed(struct view *view, const char *json)
{
    char *table_id = json_member(json, "table_id");
    bool found = false;
    size_t at = table_id != NULL ? find_row(view, table_id, &found) : 0;

    if (found)
        view->rows[at].stale = true;
    free(table_id);
}

void view_presence(struct view *view, const char *json)
{
    char *document = json_member(json, "data"), *online = json_member(json, "online");
    char *table_id = document != NULL ? json_member(document, "TABLE_ID") : NULL;
    bool found = false;
    size_t at = table_id != NULL ? find_row(view, table_id, &found) : 0;

    if (found && online != NULL)
        view->rows[at].away = strcmp(online, "false") == 0;
    free(document);
    free(online);
    free(table_id);
}

void view_note(struct view *view, const char *json)
{
    char *table_id = json_member(json, "table_id"), *ts = json_member(json, "ts");
    char *data = json_member(json, "data");
    char note[2 * VIEW_NOTE_MAX];

    snprintf(note, sizeof(note), "%s%s%s%s%s", ts != NULL ? ts : "", ts != NULL ? "  " : "",
             table_id != NULL ? table_id : "missed", "  ", data != NULL ? data : "");
    if (view->note_count == VIEW_NOTES_MAX)
        memmove(view->notes[0], view->notes[1], sizeof(view->notes) - sizeof(view->notes[0]));
    else
        view->note_count++;
    copy_shown(view->notes[view->note_count - 1], sizeof(view->notes[0]), note);
    free(table_id);
    free(ts);
    free(data);
}

/* --- drawing: one line at a time, never wider than the terminal --- */

struct line {
    struct buf *out;
    size_t left; /* columns still free */
    bool colours;
};

/* Text in `width` columns and a blank after them; width 0: as long as it is. */
static void put(struct line *line, const char *text, size_t width, const char *escape)
{
    size_t used, len = columns_cut(text, line->left, &used);
    bool coloured = line->colours && escape != NULL;

    if (coloured)
        buf_str(line->out, escape);
    buf_add(line->out, text, len);
    if (coloured)
        buf_str(line->out, "\x1b[0m");
    line->left -= used;
    for (; used < width + (width > 0 ? 1 : 0) && line->left > 0; used++, line->left--)
        buf_str(line->out, " ");
}

static void end_line(struct line *line, size_t columns)
{
    buf_str(line->out, "\x1b[K\r\n");
    line->left = columns;
}

static const char *colour_of(const char *value)
{
    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
        if (strcmp(value, colours[i].value) == 0)
            return colours[i].escape;
    return NULL;
}

static const char *heading(const struct studio_field *field)
{
    return field->kind == STUDIO_KIND_FLAG ? "MAINT"
           : field->alias != NULL          ? field->alias
                                           : field->name;
}

/* Wide enough for the heading and every value of the kind. */
static size_t width_of(const struct studio_values *lists, const struct studio_field *field)
{
    size_t width = strlen(heading(field));

    for (size_t i = 0; i < lists->count[field->kind] && field->kind != STUDIO_KIND_FLAG; i++) {
        size_t len = strlen(lists->names[field->kind][i]);
        if (len > width)
            width = len;
    }
    return width;
}

static void print_heading(struct line *line, const struct studio_values *lists)
{
    static const char bold[] = "\x1b[1m";

    put(line, "", MARK_WIDTH, NULL);
    put(line, "TABLE", NAME_WIDTH, bold);
    for (size_t i = 0; i < studio_field_count; i++)
        put(line, heading(&studio_fields[i]), width_of(lists, &studio_fields[i]), bold);
    put(line, "REV", 6, bold);
    put(line, "UPDATED (UTC)", 19, bold);
}

/* From the least to the most that needs somebody to look: the order of rows, and the mark they bear. */
enum trouble { TROUBLE_NONE, TROUBLE_DOWN, TROUBLE_EXCEPTION };

static enum trouble trouble_of(const struct view_row *row)
{
    enum trouble trouble = TROUBLE_NONE;

    for (size_t i = 0; i < studio_field_count; i++) {
        if (strcmp(row->values[i], "exception") == 0)
            return TROUBLE_EXCEPTION;
        if (strcmp(row->values[i], "down") == 0)
            trouble = TROUBLE_DOWN;
    }
    return trouble;
}

static const char *mark_of(const struct view_row *row)
{
    static const char *const marks[][2] = {{"", "off"}, {"!", "! off"}, {"!!", "!!off"}};

    return row->stale ? "STALE" : marks[trouble_of(row)][row->away];
}

/* What is stale first, then the worst; qsort's, of pointers to rows. */
static int compare_rows(const void *a, const void *b)
{
    const struct view_row *left = *(const struct view_row *const *)a;
    const struct view_row *right = *(const struct view_row *const *)b;
    int order = right->stale - left->stale;

    if (order == 0)
        order = (int)trouble_of(right) - (int)trouble_of(left);
    if (order == 0)
        order = right->away - left->away;
    return order != 0 ? order : strcmp(left->table_id, right->table_id);
}

/* Pointers to the rows in the order they are shown, to be free()d; NULL: memory is short. */
static const struct view_row **rows_in_order(const struct view *view)
{
    const struct view_row **rows = calloc(view->count > 0 ? view->count : 1, sizeof(const void *));

    for (size_t i = 0; rows != NULL && i < view->count; i++)
        rows[i] = &view->rows[i];
    if (rows != NULL)
        qsort(rows, view->count, sizeof(const void *), compare_rows);
    return rows;
}

static void print_row(struct line *line, const struct studio_values *lists,
                      const struct view_row *row)
{
    bool dim = row->stale || row->away;

    put(line, mark_of(row), MARK_WIDTH, "\x1b[1;31m");
    put(line, row->table_id, NAME_WIDTH, NULL);
    for (size_t i = 0; i < studio_field_count; i++) {
        const char *value = row->values[i];
        if (studio_fields[i].kind == STUDIO_KIND_FLAG)
            value = strcmp(value, "true") == 0 ? "on" : "-";
        put(line, value, width_of(lists, &studio_fields[i]), dim ? "\x1b[2m" : colour_of(value));
    }
    put(line, row->rev, 6, NULL);
    put(line, row->stamp, 19, NULL);
    put(line, row->custom, 0, NULL);
}

size_t view_room(const struct view *view, size_t lines)
{
    size_t used = 3 + (view->note_count > 0 ? view->note_count + 1 : 0);

    return lines > used ? lines - used : 1;
}

static void print_foot(struct line *line, const struct view *view, const struct view_style *style,
                       size_t first, size_t shown)
{
    char foot[240];
    int len = snprintf(foot, sizeof(foot), "q ends. %zu table%s", view->count,
                       view->count == 1 ? "" : "s");

    if (shown < view->count)
        len += snprintf(foot + len, sizeof(foot) - (size_t)len, ", %zu-%zu shown (j, k, space, b)",
                        first + 1, first + shown);
    if (view->left_out > 0)
        len += snprintf(foot + len, sizeof(foot) - (size_t)len, ", more are left out");
    snprintf(foot + len, sizeof(foot) - (size_t)len, ", %.140s.", style->state);
    shown_line(foot, true);
    put(line, foot, 0, "\x1b[2m");
}

void view_print(const struct view *view, const struct view_style *style, struct buf *out)
{
    struct line line = {.out = out, .left = style->columns, .colours = style->colours};
    size_t room = view_room(view, style->lines), first = style->top;
    const struct view_row **rows = rows_in_order(view);

    if (first + room > view->count)
        first = view->count > room ? view->count - room : 0;
    size_t shown = view->count - first < room ? view->count - first : room;

    buf_str(out, "\x1b[H");
    print_heading(&line, view->lists);
    end_line(&line, style->columns);
    for (size_t i = first; i < first + shown; i++) {
        print_row(&line, view->lists, rows != NULL ? rows[i] : &view->rows[i]);
        end_line(&line, style->columns);
    }
    free(rows);
    for (size_t i = 0; i < view->note_count; i++) {
        if (i == 0)
            end_line(&line, style->columns);
        put(&line, view->notes[i], 0, "\x1b[31m");
        end_line(&line, style->columns);
    }
    print_foot(&line, view, style, first, shown);
    buf_str(out, "\x1b[K\x1b[J");
}
