#include "core/rights.h"

#include <string.h>

enum reach {
    NO,
    OWN, /* its own table; on MQTT the topic's */
    ANY  /* any table there is */
};

/* The kinds of messages, and then: */
enum { CREATE = MESSAGE_AUTH + 1, BE_SEEN, DEEDS };

enum column { WS_DEVICE, WS_VIEWER, WS_OPERATOR, HTTP_DEVICE, HTTP_VIEWER, HTTP_OPERATOR, MQTT };

/* clang-format off */
/* On MQTT the broker's access list decides who may write to a table's topic. */
static const unsigned char reaches[DEEDS][MQTT + 1] = {
    /*                       WebSocket           HTTP                MQTT
     *                       dev  view oper      dev  view oper           */
    [MESSAGE_UPDATE] =       {OWN, NO,  ANY,     OWN, NO,  ANY,      OWN},
    [MESSAGE_EXCEPTION] =    {OWN, NO,  ANY,     OWN, NO,  ANY,      OWN},
    [MESSAGE_SUBSCRIBE] =    {OWN, ANY, ANY,     NO,  NO,  NO,       NO},
    [MESSAGE_UNSUBSCRIBE] =  {ANY, ANY, ANY,     NO,  NO,  NO,       NO},
    [MESSAGE_GET] =          {OWN, ANY, ANY,     OWN, ANY, ANY,      NO},
    [MESSAGE_REMOVE_TABLE] = {NO,  NO,  ANY,     NO,  NO,  ANY,      NO},
    [MESSAGE_AUTH] =         {NO,  NO,  NO,      NO,  NO,  NO,       NO},
    [CREATE] =               {OWN, NO,  NO,      NO,  NO,  NO,       OWN},
    [BE_SEEN] =              {OWN, NO,  NO,      NO,  NO,  NO,       NO},
};
/* clang-format on */

static enum reach reach(const struct actor *actor, unsigned deed)
{
    enum column column = MQTT;

    if (actor->via == VIA_WEBSOCKET)
        column = WS_DEVICE + (enum column)actor->role;
    else if (actor->via == VIA_HTTP)
        column = HTTP_DEVICE + (enum column)actor->role;
    return (enum reach)reaches[deed][column];
}

static bool reaches_table(const struct actor *actor, enum reach how_far, const char *table_id)
{
    return how_far == ANY ||
           (how_far == OWN && (!table_id || strcmp(table_id, actor->table_id) == 0));
}

enum studio_err rights_check(const struct actor *actor, const struct message *message,
                             struct studio_error *error)
{
    enum reach how_far = reach(actor, message->kind);
    bool may = reaches_table(actor, how_far, message->table_id);

    for (size_t i = 0; may && i < message->table_count; i++)
        may = reaches_table(actor, how_far, message->tables[i]);
    if (may)
        return STUDIO_OK;
    if (message->kind != MESSAGE_AUTH)
        return studio_error_set(error, STUDIO_ERR_NOT_PERMITTED, NULL);
    if (actor->via == VIA_WEBSOCKET)
        return studio_error_set(error, STUDIO_ERR_ALREADY_AUTHENTICATED, NULL);
    return studio_error_set(error, STUDIO_ERR_INVALID_FIELD_NAME, "id");
}

bool rights_to_read(const struct actor *actor, const char *table_id)
{
    enum reach how_far = reach(actor, MESSAGE_GET);

    return how_far == ANY || (table_id && reaches_table(actor, how_far, table_id));
}

bool rights_to_create(const struct actor *actor)
{
    return reach(actor, CREATE) != NO;
}

bool rights_to_be_seen(const struct actor *actor)
{
    return reach(actor, BE_SEEN) != NO;
}
