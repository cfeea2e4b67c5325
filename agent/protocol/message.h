/*
 * message.h - bytes from a client to a checked message (protocol section 3.2). Pure; any thread.
 *
 * Everything that can be decided without knowing the table, the role or the other updates is
 * decided here: JSON, names, values (those of `lists`), duplicates, sizes.
 */
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
    /* Custom fields in one update, as many as a table can lose and gain; more is TOO_MANY_FIELDS. */
    MESSAGE_CUSTOM_MAX = 2 * STUDIO_CUSTOM_FIELDS_MAX
};

/* A value that was refused although it could be one if the configuration allowed it. */
struct refused_value {
    const struct studio_field *field; /* NULL: none */
    char value[STUDIO_VALUE_MAX + 1];
};

struct message {
    enum message_kind kind;
    char *table_id;       /* UPDATE, GET, REMOVE_TABLE: the table named; NULL if none; owned */
    char *request_id;     /* as printed JSON, `"a1"` or `7`; NULL if none; owned */
    struct update update; /* UPDATE; count 0 is `{}` */
    char *data;           /* EXCEPTION: `data` as printed JSON; owned */
    char **tables;        /* (UN)SUBSCRIBE: names, "*" allowed; owned */
    size_t table_count;
    /* AUTH: NULL where absent or not a string; owned */
    char *id, *token, *device, *game_code;
    struct refused_value refused; /* also after an error */
};

/*
 * Decodes one message. On an error `error` (never NULL) holds the text of section 3.3 and the
 * message holds at most the request_id, so that the answer can carry it, and what was refused. Call message_finish in
 * either case. Unterminated input is fine. Errors: the PEER ones of error.h, NO_MEMORY.
 */
STUDIO_MUST_USE enum studio_err message_decode(const struct studio_values *lists, const char *text,
                                               size_t len, struct message *out,
                                               struct studio_error *error);

/*
 * Decodes the first message of a client that did not authenticate in its address: any object
 * becomes MESSAGE_AUTH with whatever of id, token, device, gameCode it has; anything else is
 * AUTH_MISSING.
 */
STUDIO_MUST_USE enum studio_err message_decode_auth(const char *text, size_t len,
                                                    struct message *out,
                                                    struct studio_error *error);

/*
 * Decodes one value as plain text for one field (topic `set/<client>/<FIELD>`, section 4): `up` for a
 * built-in field in any spelling, JSON text for a custom one. The result is a MESSAGE_UPDATE.
 */
STUDIO_MUST_USE enum studio_err message_decode_field(const struct studio_values *lists,
                                                     const char *field, const char *text,
                                                     size_t len, struct message *out,
                                                     struct studio_error *error);

void message_finish(struct message *message);

#endif
