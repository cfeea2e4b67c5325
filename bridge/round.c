#include "round.h"

#include <stdlib.h>
#include <string.h>

/* Members of a list of names that still have to be cleared. */
struct cleared {
    struct cleared *next;
    char field[];
};

/* --- what rounds go by ------------------------------------------------------------------------- */

static void free_cleared(struct round_table *table)
{
    struct cleared *c;

    while ((c = table->cleared)) {
        table->cleared = c->next;
        free(c);
    }
}

void round_table_finish(struct round_table *table)
{
    studio_snapshot_unref(table->published);
    free_cleared(table);
}

void round_table_reset(struct round_table *table, struct studio_snapshot *snapshot)
{
    free_cleared(table);
    studio_snapshot_unref(table->published);
    table->published = snapshot ? studio_snapshot_ref(snapshot) : NULL;
    table->full = true;
}

bool round_table_clear(struct round_table *table, const char *field)
{
    size_t len = strlen(field);
    struct cleared *c = malloc(sizeof(*c) + len + 1);

    if (!c)
        return false;
    memcpy(c->field, field, len + 1);
    c->next = table->cleared;
    table->cleared = c;
    return true;
}

/* --- a round ----------------------------------------------------------------------------------- */

void round_begin(struct round *round, struct round_table *table, struct studio_snapshot *showing)
{
    *round =
        (struct round){.table = table, .showing = showing ? studio_snapshot_ref(showing) : NULL};
}

void round_end(struct round *round, bool published)
{
    struct round_table *table = round->table;

    if (published) {
        free_cleared(table);
        studio_snapshot_unref(table->published);
        table->published = round->showing;
        table->full = false;
    } else {
        studio_snapshot_unref(round->showing);
    }
    *round = (struct round){0};
}

/* A custom field, by its name; the settable ones have fixed places before them. */
static const char *custom_text(const struct studio_snapshot *s, const char *name)
{
    for (size_t i = studio_field_count; s && !s->removed && i < s->field_count; i++)
        if (strcmp(s->fields[i].name, name) == 0)
            return s->fields[i].text;
    return NULL;
}

/* The tables that were removed have nothing to show: all their topics go empty. */
static bool shows_nothing(const struct round *round)
{
    return !round->showing || round->showing->removed;
}

static bool emit(struct round_message *out, enum table_topic topic, const char *field,
                 const char *payload, size_t len, bool plain)
{
    *out = (struct round_message){topic, field, payload ? payload : "", len, plain};
    return true;
}

static bool emit_text(struct round_message *out, const char *field, const char *text, bool plain)
{
    return emit(out, TOPIC_FIELD, field, text, text ? strlen(text) : 0, plain);
}

static bool next_status(const struct round *round, struct round_message *out)
{
    if (shows_nothing(round))
        return emit(out, TOPIC_STATUS, NULL, NULL, 0, false);
    return emit(out, TOPIC_STATUS, NULL, round->showing->document, round->showing->document_len,
                false);
}

/* The fields of the snapshot that differ from what the last round showed. */
static bool next_field(struct round *round, struct round_message *out)
{
    const struct studio_snapshot *old = round->table->published;
    bool fresh = !old || old->removed || round->table->full;

    if (shows_nothing(round) && round->index < studio_field_count)
        return emit_text(out, studio_fields[round->index++].name, NULL, true);
    if (shows_nothing(round) && round->index++ == studio_field_count && !round->table->presence)
        return emit(out, TOPIC_PRESENCE, NULL, NULL, 0, false);
    while (!shows_nothing(round) && round->index < round->showing->field_count) {
        const struct studio_snapshot_field *f = &round->showing->fields[round->index];
        bool plain = round->index < studio_field_count;
        const char *before = NULL;

        if (!fresh)
            before = plain ? old->fields[round->index].text : custom_text(old, f->name);
        round->index++;
        if (!before || strcmp(before, f->text) != 0)
            return emit_text(out, f->name, f->text, plain);
    }
    return false;
}

/* Custom fields the last round showed and this one has not. */
static bool next_gone(struct round *round, struct round_message *out)
{
    const struct studio_snapshot *old = round->table->published;

    while (old && !old->removed && round->index < old->field_count) {
        const char *name = old->fields[round->index++].name;

        if (!custom_text(round->showing, name))
            return emit_text(out, name, NULL, false);
    }
    return false;
}

static bool next_cleared(struct round *round, struct round_message *out)
{
    while (round->at) {
        const char *name = round->at->field;

        round->at = round->at->next;
        if (!custom_text(round->showing, name))
            return emit_text(out, name, NULL, false);
    }
    return false;
}

/* Where each step begins when it follows the one before. */
static void next_step(struct round *round)
{
    round->step++;
    round->index = round->step == STEP_GONE ? studio_field_count : 0;
    round->at = round->step == STEP_CLEARED ? round->table->cleared : NULL;
}

bool round_next(struct round *round, struct round_message *out)
{
    for (;;) {
        switch (round->step) {
        case STEP_STATUS:
            next_step(round);
            return next_status(round, out);
        case STEP_FIELDS:
            if (next_field(round, out))
                return true;
            break;
        case STEP_GONE:
            if (next_gone(round, out))
                return true;
            break;
        case STEP_CLEARED:
            if (next_cleared(round, out))
                return true;
            break;
        case STEP_END:
            return false;
        }
        next_step(round);
    }
}
