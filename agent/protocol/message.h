/* message.h - a checked message (protocol section 3.2) as a value. Made by decode.h; one thread at a
 * time. */
#ifndef AGENT_PROTOCOL_MESSAGE_H
#define AGENT_PROTOCOL_MESSAGE_H

#include "model/state.h"
#include "studio/error.h"

enum message_kind {
    MESSAGE_UPDATE,       /* flat, or in a service_status envelope */
    MESSAGE_EXCEPTION,    /* */
    MESSAGE_SUBSCRIBE,    /* */
    MESSAGE_UNSUBSCRIBE,  /* */
    MESSAGE_GET,          /* */
    MESSAGE_REMOVE_TABLE, /* */
    MESSAGE_AUTH          /* a flat object with both `id` and `token` */
};

enum {
    MESSAGE_SUBSCRIBE_MAX = 1024, /* names in one subscribe; more is `Invalid data` */
    MESSAGE_INTERVAL_MAX = 10000, /* ms between pushes */
    /* Custom fields in one update, as many as a table can lose and gain; more is TOO_MANY_FIELDS. */
    MESSAGE_CUSTOM_MAX = 2 * STUDIO_CUSTOM_FIELDS_MAX
};

/* A value that was refused although it could be one if the configuration allowed it. */
struct refused_value {
    const struct studio_field *field; /* NULL: none */
    char value[STUDIO_VALUE_MAX + 1];
};
/* Remembers it, if it could be one. */
void refused_value_note(struct refused_value *refused, const struct studio_field *field,
                        const char *text, size_t len);
/* What allows it: "limits.service_values" or "limits.device_values". */
const char *refused_value_option(const struct refused_value *refused);

struct message {
    enum message_kind kind;
    char *table_id;       /* UPDATE, GET, REMOVE_TABLE: the table named; NULL if none; owned */
    char *request_id;     /* as printed JSON, `"a1"` or `7`; NULL if none; owned */
    struct update update; /* UPDATE; count 0 is `{}` */
    char *data;           /* EXCEPTION: `data` as printed JSON; owned */
    char **tables;        /* (UN)SUBSCRIBE: names, "*" allowed; owned */
    size_t table_count;
    bool presence;   /* SUBSCRIBE: with whether devices are connected */
    int interval_ms; /* SUBSCRIBE: between its pushes; -1: it does not say */
    /* AUTH: NULL where absent or not a string; owned */
    char *id, *token, *device, *game_code;
    struct refused_value refused; /* also after an error */
};

/* Frees what it holds; it is all zero afterwards. */
void message_finish(struct message *message);

#endif
