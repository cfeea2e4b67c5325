#include "model/state.h"

#include <stdlib.h>
#include <string.h>

void state_init(struct table_state *state, const struct studio_values *lists, int64_t stamp_s)
{
    *state = (struct table_state){.lists = lists, .stamp_s = stamp_s};
    for (size_t i = 0; i < studio_field_count; i++) {
        const struct studio_field *field = &studio_fields[i];
        int first = studio_value_find(lists, field->kind, field->first, strlen(field->first));
        state->values[i] = (unsigned char)first;
    }
}

static void free_custom(struct custom_field *custom, size_t count)
{
    if (custom == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        free(custom[i].name);
        free(custom[i].json);
    }
    free(custom);
}

void state_finish(struct table_state *state)
{
    free_custom(state->custom, state->custom_count);
    *state = (struct table_state){0};
}

enum studio_err state_copy(struct table_state *to, const struct table_state *from)
{
    *to = *from;
    to->custom = NULL;
    to->custom_count = 0;
    if (from->custom_count == 0)
        return STUDIO_OK;

    to->custom = calloc(from->custom_count, sizeof(*to->custom));
    if (to->custom == NULL)
        return STUDIO_ERR_NO_MEMORY;
    to->custom_count = from->custom_count;
    for (size_t i = 0; i < from->custom_count; i++) {
        to->custom[i].name = strdup(from->custom[i].name);
        to->custom[i].json = strdup(from->custom[i].json);
        if (to->custom[i].name == NULL || to->custom[i].json == NULL) {
            state_finish(to);
            return STUDIO_ERR_NO_MEMORY;
        }
    }
    return STUDIO_OK;
}

void update_finish(struct update *update)
{
    for (size_t i = 0; i < update->count; i++) {
        free(update->sets[i].name);
        free(update->sets[i].json);
    }
    free(update->sets);
    *update = (struct update){0};
}

static const char *value_text(const struct table_state *state, size_t id, unsigned char value)
{
    return studio_value_name(state->lists, studio_fields[id].kind, value);
}

const char *state_value(const struct table_state *state, size_t id)
{
    return value_text(state, id, state->values[id]);
}

static struct custom_field *find_custom(const struct table_state *state, const char *name)
{
    for (size_t i = 0; i < state->custom_count; i++) {
        if (strcmp(state->custom[i].name, name) == 0)
            return &state->custom[i];
    }
    return NULL;
}

/* --- what changed ----------------------------------------------------------------------------- */

static void begin_change(struct buf *out, size_t start, const char *name)
{
    buf_str(out, out->len == start ? "\"" : ",\"");
    buf_str(out, name);
    buf_str(out, "\":[");
}

static void add_value(struct buf *out, const struct table_state *state, size_t id,
                      unsigned char value)
{
    const char *quote = studio_fields[id].kind == STUDIO_KIND_FLAG ? "" : "\"";
    buf_str(out, quote);
    buf_str(out, value_text(state, id, value));
    buf_str(out, quote);
}

void state_first_changes(const struct table_state *state, struct buf *changes)
{
    buf_str(changes, "{");
    size_t start = changes->len;
    for (size_t i = 0; i < studio_field_count; i++) {
        begin_change(changes, start, studio_fields[i].name);
        buf_str(changes, "null,");
        add_value(changes, state, i, state->values[i]);
        buf_str(changes, "]");
    }
    buf_str(changes, "}");
}

static void print_changes(const struct table_state *state, const struct update *update,
                          struct buf *changes)
{
    buf_str(changes, "{");
    size_t start = changes->len;
    for (size_t i = 0; i < update->count; i++) {
        const struct field_set *set = &update->sets[i];
        if (set->field != NULL) {
            size_t id = studio_field_index(set->field);
            if (state->values[id] == set->value)
                continue;
            begin_change(changes, start, set->field->name);
            add_value(changes, state, id, state->values[id]);
            buf_str(changes, ",");
            add_value(changes, state, id, set->value);
        } else {
            const struct custom_field *old = find_custom(state, set->name);
            const char *from = old == NULL ? "null" : old->json;
            const char *to = set->json == NULL ? "null" : set->json;
            if (strcmp(from, to) == 0)
                continue;
            begin_change(changes, start, set->name);
            buf_str(changes, from);
            buf_str(changes, ",");
            buf_str(changes, to);
        }
        buf_str(changes, "]");
    }
    buf_str(changes, "}");
}

/* --- applying --------------------------------------------------------------------------------- */

/* What the custom fields of an update need, allocated before the state is touched. */
struct custom_plan {
    struct custom_field *fresh; /* one for each set of the update, empty where nothing is needed */
    struct custom_field *array; /* room for the old fields and all new ones; NULL if none is set */
};

static void plan_finish(struct custom_plan *plan, size_t count)
{
    free_custom(plan->fresh, count);
    free(plan->array);
}

static enum studio_err plan_custom(const struct table_state *state, const struct update *update,
                                   struct custom_plan *plan)
{
    size_t custom = 0, added = 0, removed = 0;
    *plan = (struct custom_plan){0};
    for (size_t i = 0; i < update->count; i++) {
        const struct field_set *set = &update->sets[i];
        if (set->field != NULL)
            continue;
        bool present = find_custom(state, set->name) != NULL;
        custom++;
        added += !present && set->json != NULL;
        removed += present && set->json == NULL;
    }
    if (custom == 0)
        return STUDIO_OK;
    if (state->custom_count + added - removed > STUDIO_CUSTOM_FIELDS_MAX)
        return STUDIO_ERR_TOO_MANY_FIELDS;

    plan->fresh = calloc(update->count, sizeof(*plan->fresh));
    plan->array = calloc(state->custom_count + added + 1, sizeof(*plan->array));
    if (plan->fresh == NULL || plan->array == NULL)
        goto fail;
    for (size_t i = 0; i < update->count; i++) {
        const struct field_set *set = &update->sets[i];
        if (set->field != NULL || set->json == NULL)
            continue;
        plan->fresh[i].json = strdup(set->json);
        if (plan->fresh[i].json == NULL)
            goto fail;
        if (find_custom(state, set->name) == NULL) {
            plan->fresh[i].name = strdup(set->name);
            if (plan->fresh[i].name == NULL)
                goto fail;
        }
    }
    return STUDIO_OK;

fail:
    plan_finish(plan, update->count);
    return STUDIO_ERR_NO_MEMORY;
}

static void remove_custom(struct table_state *state, struct custom_field *old)
{
    free(old->name);
    free(old->json);
    state->custom_count--;
    size_t after = state->custom_count - (size_t)(old - state->custom);
    memmove(old, old + 1, after * sizeof(*old));
}

/* Cannot fail. What is moved out of the plan is empty there afterwards. */
static void set_custom(struct table_state *state, const struct field_set *set,
                       struct custom_field *fresh)
{
    struct custom_field *old = find_custom(state, set->name);
    if (set->json == NULL) {
        if (old != NULL)
            remove_custom(state, old);
    } else if (old != NULL) {
        free(old->json);
        old->json = fresh->json;
        fresh->json = NULL;
    } else {
        state->custom[state->custom_count++] = *fresh;
        *fresh = (struct custom_field){0};
    }
}

enum studio_err state_apply(struct table_state *state, const struct update *update, int64_t stamp_s,
                            struct buf *changes)
{
    struct custom_plan plan;
    enum studio_err err = plan_custom(state, update, &plan);
    if (err != STUDIO_OK)
        return err;
    print_changes(state, update, changes);
    if (!buf_ok(changes)) {
        plan_finish(&plan, update->count);
        return STUDIO_ERR_NO_MEMORY;
    }

    if (plan.array != NULL) {
        if (state->custom_count > 0)
            memcpy(plan.array, state->custom, state->custom_count * sizeof(*plan.array));
        free(state->custom);
        state->custom = plan.array;
        plan.array = NULL;
    }
    for (size_t i = 0; i < update->count; i++) {
        const struct field_set *set = &update->sets[i];
        if (set->field != NULL)
            state->values[studio_field_index(set->field)] = set->value;
        else
            set_custom(state, set, &plan.fresh[i]);
    }
    if (state->custom_count == 0) {
        free(state->custom);
        state->custom = NULL;
    }
    state->rev++;
    for (size_t i = 0; i < update->count; i++)
        if (update->sets[i].field == NULL && update->sets[i].json == NULL)
            state->cleared_rev = state->rev;
    state->stamp_s = stamp_s;
    plan_finish(&plan, update->count);
    return STUDIO_OK;
}
