/* watch_view.h - what `studio-client watch` shows on a terminal: state and drawing, no terminal.
 * Pure; one thread at a time. */
#ifndef CLIENT_PROGRAM_WATCH_VIEW_H
#define CLIENT_PROGRAM_WATCH_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "studio/status.h"

enum { VIEW_TABLES_MAX = 20000, VIEW_NOTES_MAX = 5, VIEW_NOTE_MAX = 200 };

struct view_row;

struct view {
    const struct studio_values *lists; /* outlive the view */
    struct view_row *rows;             /* sorted by table id */
    size_t count, cap;
    size_t left_out;                               /* documents of tables beyond VIEW_TABLES_MAX */
    char notes[VIEW_NOTES_MAX][VIEW_NOTE_MAX + 1]; /* the latest exceptions, newest last */
    size_t note_count;
};

void view_init(struct view *view, const struct studio_values *lists);
void view_finish(struct view *view);

/* A status document came. False: not one, or memory is short; the view is as before. */
bool view_document(struct view *view, const char *json);
/* What is known may be old from now on, until a table's next document: the connection was lost. */
void view_stale(struct view *view);
/* The status push of a table says whether devices of it are connected. */
void view_presence(struct view *view, const char *json);
/* The table of this message was removed: its row stays, stale, until it returns. */
void view_removed(struct view *view, const char *json);
/* An exception or lagged message came. */
void view_note(struct view *view, const char *json);

/* How to draw: `lines` and `columns` of the terminal, and a word on the connection. */
struct view_style {
    size_t columns, lines;
    bool colours;
    const char *state;
    size_t top; /* rows scrolled away */
};
/* How many rows there is room for. */
size_t view_room(const struct view *view, size_t lines);
/* Appends a whole screen: from the top left, each line cleared to its end, then to the bottom. Rows in
 * trouble come first: stale ones, then those with an exception, then those with something down, of each
 * those without a device first; a mark before the table says which. */
void view_print(const struct view *view, const struct view_style *style, struct buf *out);

#endif
