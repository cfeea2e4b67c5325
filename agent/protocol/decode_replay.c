#include "protocol/decode_replay.h"

#include <string.h>

#include "base/names.h"
#include "protocol/decoder.h"

enum member { FROM_SEQ, TO_SEQ, FROM_REV, TABLE_ID, EPOCH, MEMBERS };

static const char *const member_names[MEMBERS] = {"from_seq", "to_seq", "from_rev", "table_id",
                                                  "epoch"};

static bool read_number(const cJSON *item, uint64_t *out)
{
    if (!tree_is_integer(item) || item->valuedouble < 0)
        return false;
    *out = (uint64_t)item->valuedouble;
    return true;
}

static bool read_member(enum member which, const cJSON *item, struct studio_replay *out)
{
    size_t len;

    switch (which) {
    case FROM_SEQ:
        return read_number(item, &out->from_seq);
    case TO_SEQ:
        out->has_to = true;
        return read_number(item, &out->to_seq);
    case FROM_REV:
        return read_number(item, &out->from_rev);
    case TABLE_ID:
        out->by_table = true;
        if (!cJSON_IsString(item))
            return false;
        len = strlen(item->valuestring);
        if (!name_is_table(item->valuestring, len))
            return false;
        memcpy(out->table_id, item->valuestring, len + 1);
        return true;
    case EPOCH:
        if (cJSON_IsString(item))
            strncpy(out->epoch, item->valuestring, STUDIO_EPOCH_MAX);
        return cJSON_IsString(item);
    case MEMBERS:
        break;
    }
    return true; /* an unknown one */
}

static bool read_object(const cJSON *object, struct studio_replay *out)
{
    bool seen[MEMBERS + 1] = {false};

    for (const cJSON *item = object->child; item; item = item->next) {
        enum member which = FROM_SEQ;

        while (which < MEMBERS && strcmp(item->string, member_names[which]) != 0)
            which++;
        if ((which < MEMBERS && seen[which]) || !read_member(which, item, out))
            return false;
        seen[which] = true;
    }
    return out->by_table ? seen[FROM_REV] && !seen[FROM_SEQ] && !seen[TO_SEQ]
                         : seen[FROM_SEQ] && !seen[FROM_REV];
}

enum studio_err message_decode_replay(const char *text, size_t len, struct studio_replay *replay,
                                      struct message *out, struct studio_error *error)
{
    struct decoder d = {.out = out, .error = error};
    enum studio_err err = STUDIO_ERR_TOO_LARGE;
    cJSON *tree = NULL;

    *out = (struct message){0};
    *replay = (struct studio_replay){.by_table = false};
    if (len <= STUDIO_MESSAGE_MAX)
        err = tree_parse(text, len, &d.facts, &tree);
    if (err != STUDIO_OK)
        return studio_error_set(error, err, NULL);
    if (cJSON_IsObject(tree))
        err = decoder_read_request_id(&d, tree);
    if (err == STUDIO_OK && (!cJSON_IsObject(tree) || !read_object(tree, replay)))
        err = decoder_refuse(&d, STUDIO_ERR_INVALID_DATA, "replay");
    cJSON_Delete(tree);
    return err;
}
