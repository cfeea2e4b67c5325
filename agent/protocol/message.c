#include "protocol/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/names.h"

void refused_value_note(struct refused_value *refused, const struct studio_field *field,
                        const char *text, size_t len)
{
    if (field->kind == STUDIO_KIND_FLAG || !name_is_value(text, len))
        return;
    refused->field = field;
    memcpy(refused->value, text, len);
    refused->value[len] = '\0';
}

const char *refused_value_option(const struct refused_value *refused)
{
    return refused->field->kind == STUDIO_KIND_SERVICE ? "limits.service_values"
                                                       : "limits.device_values";
}

void message_finish(struct message *message)
{
    update_finish(&message->update);
    for (size_t i = 0; i < message->table_count; i++)
        free(message->tables[i]);
    free(message->tables);
    free(message->table_id);
    free(message->request_id);
    free(message->data);
    free(message->id);
    free(message->token);
    free(message->device);
    free(message->game_code);
    *message = (struct message){0};
}
