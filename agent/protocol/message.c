#include "protocol/message.h"

#include <stdlib.h>
#include <string.h>

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
