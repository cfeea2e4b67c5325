#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

struct studio_snapshot *studio_snapshot_ref(struct studio_snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    return snapshot;
}

void studio_snapshot_unref(struct studio_snapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1)
        return;
    state_finish(&snapshot->state);
    free(snapshot);
}

static void list_fields(const struct table_state *state, struct studio_snapshot_field *fields)
{
    for (size_t i = 0; i < studio_field_count; i++) {
        fields[i].name = studio_fields[i].name;
        fields[i].text = state_value(state, i);
    }
    for (size_t i = 0; i < state->custom_count; i++) {
        fields[studio_field_count + i].name = state->custom[i].name;
        fields[studio_field_count + i].text = state->custom[i].json;
    }
}

/* One block: the struct, the list of fields, the table's id, and the push behind its headroom. */
struct studio_snapshot *studio_snapshot_create(const char *table_id, struct table_state *state,
                                               const struct snapshot_text *text)
{
    size_t count = text ? studio_field_count + state->custom_count : 0;
    size_t id_size = strlen(table_id) + 1;
    size_t text_size = text ? SNAPSHOT_HEADROOM + text->push_len : 0;
    struct studio_snapshot *snapshot = malloc(
        sizeof(*snapshot) + count * sizeof(struct studio_snapshot_field) + id_size + text_size);

    if (!snapshot)
        return NULL;
    struct studio_snapshot_field *fields = (struct studio_snapshot_field *)(snapshot + 1);
    char *bytes = (char *)(fields + count);
    *snapshot = (struct studio_snapshot){
        .rev = state->rev,
        .removed = !text,
        .table_id = bytes,
        .field_count = count,
        .fields = fields,
        .state = *state,
    };
    atomic_init(&snapshot->refs, 1);
    memset(state, 0, sizeof(*state));
    memcpy(bytes, table_id, id_size);
    if (text) {
        char *push = bytes + id_size + SNAPSHOT_HEADROOM;
        list_fields(&snapshot->state, fields);
        memset(bytes + id_size, 0, SNAPSHOT_HEADROOM);
        memcpy(push, text->push, text->push_len);
        snapshot->push = push;
        snapshot->push_len = text->push_len;
        snapshot->document = push + text->document_at;
        snapshot->document_len = text->document_len;
    }
    return snapshot;
}
