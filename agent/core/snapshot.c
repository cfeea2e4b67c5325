#include "core/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/document.h"

/* Everything of a snapshot lies in two blocks: the struct with its field list and names, and the
 * bytes of the push, of which the document is a part. */
struct snapshot_block {
    struct studio_snapshot head;
    char table_id[STUDIO_TABLE_ID_MAX + 1];
    char *bytes;
    struct table_state state; /* owns the names and values the fields point to */
    struct studio_snapshot_field fields[];
};

struct studio_snapshot *studio_snapshot_ref(struct studio_snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    return snapshot;
}

void studio_snapshot_unref(struct studio_snapshot *snapshot)
{
    struct snapshot_block *block = (struct snapshot_block *)snapshot;

    if (!snapshot || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1)
        return;
    free(block->bytes);
    state_finish(&block->state);
    free(block);
}

/* The document inside its push; the offsets follow from the fixed frame around it. */
static bool print_push(struct snapshot_block *block)
{
    static const char before[] = "{\"event\":\"status\",\"data\":";
    struct studio_snapshot *head = &block->head;
    struct buf out;

    buf_init(&out, SIZE_MAX);
    buf_add(&out, (char[SNAPSHOT_HEADROOM]){0}, SNAPSHOT_HEADROOM);
    buf_str(&out, before);
    document_print(&out, block->table_id, &block->state);
    buf_str(&out, "}");
    head->push_len = out.len - SNAPSHOT_HEADROOM;
    block->bytes = buf_take(&out);
    if (!block->bytes)
        return false;
    head->push = block->bytes + SNAPSHOT_HEADROOM;
    head->document = head->push + sizeof(before) - 1;
    head->document_len = head->push_len - sizeof(before);
    return true;
}

struct studio_snapshot *snapshot_create(const char *table_id, const struct table_state *state,
                                        uint64_t rev)
{
    size_t fields = state ? STUDIO_FIELD_COUNT + state->custom_count : 0;
    struct snapshot_block *block =
        calloc(1, sizeof(*block) + fields * sizeof(struct studio_snapshot_field));

    if (!block)
        return NULL;
    atomic_init(&block->head.refs, 1);
    memcpy(block->table_id, table_id, strlen(table_id) + 1);
    block->head.table_id = block->table_id;
    block->head.rev = rev;
    block->head.removed = !state;
    block->head.field_count = fields;
    block->head.fields = block->fields;
    if (!state)
        return &block->head;
    if (state_copy(&block->state, state) != STUDIO_OK) {
        free(block);
        return NULL;
    }
    if (!print_push(block)) {
        studio_snapshot_unref(&block->head);
        return NULL;
    }
    for (int i = 0; i < STUDIO_FIELD_COUNT; i++) {
        block->fields[i].name = studio_fields[i].name;
        block->fields[i].text = state_value(&block->state, (enum studio_field_id)i);
    }
    for (size_t i = 0; i < state->custom_count; i++) {
        block->fields[STUDIO_FIELD_COUNT + i].name = block->state.custom[i].name;
        block->fields[STUDIO_FIELD_COUNT + i].text = block->state.custom[i].json;
    }
    return &block->head;
}
