/*
 * A query string (its NUL-separated parts are id, token, device and gameCode, form-encoded) and an
 * Authorization header: whatever comes, an accepted user id is well-formed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "protocol/userid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check(const struct credentials_in *in)
{
    struct credentials out;
    if (credentials_make(in, &out) != STUDIO_OK)
        return;
    size_t table_len = strlen(out.table_id);
    size_t user_len = strlen(out.user_id);
    require(name_is_table(out.table_id, table_len));
    require(strncmp(out.user_id, out.table_id, table_len) == 0);
    require(user_len == table_len ||
            (out.user_id[table_len] == '_' &&
             name_is_device(out.user_id + table_len + 1, user_len - table_len - 1)));
    require(out.token[0] == '\0' || name_is_token(out.token, strlen(out.token)));

    /* The one user id names the same user when it is sent as such. */
    struct credentials again;
    struct credentials_in short_form = {.id = out.user_id, .token = in->token};
    require(credentials_make(&short_form, &again) == STUDIO_OK);
    require(strcmp(again.user_id, out.user_id) == 0);
    require(strcmp(again.table_id, out.table_id) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { PARTS = 4, PART_MAX = 300 };
    char parts[PARTS][PART_MAX];
    const char *given[PARTS] = {NULL};
    const char *at = (const char *)data;
    size_t left = size;
    for (size_t i = 0; i < PARTS && left > 0; i++) {
        size_t len = strnlen(at, left);
        if (len < PART_MAX) {
            memcpy(parts[i], at, len);
            parts[i][len] = '\0';
            given[i] = parts[i];
        }
        size_t used = len < left ? len + 1 : len;
        at += used;
        left -= used;
    }
    check(&(struct credentials_in){given[0], given[1], given[2], given[3]});

    char *header = malloc(size + 1);
    if (header == NULL)
        return 0;
    if (size > 0)
        memcpy(header, data, size);
    header[size] = '\0';
    char *id, *token;
    if (credentials_bearer(header, &id, &token))
        check(&(struct credentials_in){.id = id, .token = token});
    free(header);
    return 0;
}
