#include "protocol/decoder.h"

#include <string.h>

#include "base/names.h"

enum studio_err decoder_refuse(struct decoder *d, enum studio_err code, const char *detail)
{
    return detail == NULL ? studio_error_set(d->error, code, NULL)
                          : studio_error_set(d->error, code, "%s", detail);
}

const cJSON *decoder_member(const cJSON *object, const char *key)
{
    const cJSON *item = object->child;
    while (item != NULL && strcmp(item->string, key) != 0)
        item = item->next;
    return item;
}

static bool is_request_id(const cJSON *item)
{
    if (cJSON_IsString(item))
        return strlen(item->valuestring) <= STUDIO_REQUEST_ID_MAX;
    return tree_is_integer(item);
}

enum studio_err decoder_read_request_id(struct decoder *d, const cJSON *object)
{
    const cJSON *item = decoder_member(object, "request_id");
    if (item == NULL || !is_request_id(item))
        return STUDIO_OK;
    size_t len;
    d->out->request_id = tree_text(item, &len);
    return d->out->request_id == NULL ? decoder_refuse(d, STUDIO_ERR_NO_MEMORY, NULL) : STUDIO_OK;
}

enum studio_err decoder_check_request_id(struct decoder *d, const cJSON *object, const cJSON *item)
{
    if (decoder_member(object, item->string) != item)
        return decoder_refuse(d, STUDIO_ERR_DUPLICATE_FIELD, item->string);
    if (!is_request_id(item))
        return decoder_refuse(d, STUDIO_ERR_INVALID_VALUE,
                              "request_id: expected a string of up to 64 bytes or an integer");
    return STUDIO_OK;
}

enum studio_err decoder_copy_table_id(const cJSON *item, char **out)
{
    if (!cJSON_IsString(item) || !name_is_table(item->valuestring, strlen(item->valuestring)))
        return STUDIO_ERR_INVALID_VALUE;
    *out = strdup(item->valuestring);
    return *out == NULL ? STUDIO_ERR_NO_MEMORY : STUDIO_OK;
}
