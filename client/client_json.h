/* client_json.h - JSON as a client reads it; the only file of the client that includes cJSON.
 * Pure; any thread. */
#ifndef CLIENT_CLIENT_JSON_H
#define CLIENT_CLIENT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "studio/error.h"

enum reply_kind {
    REPLY_UNKNOWN,   /* valid JSON this version does not know: ignored */
    REPLY_WELCOME,   /* {"message":...,"status":"ready"} */
    REPLY_DOCUMENT,  /* a bare status document: the first message after authentication */
    REPLY_DONE,      /* {"status":"updated"...}, received, subscribed, unsubscribed, removed */
    REPLY_ERROR,     /* {"error":...} */
    REPLY_STATUS,    /* {"event":"status",...}: a push, or the answer to get */
    REPLY_EXCEPTION, /* {"event":"exception",...} */
    REPLY_LAGGED,    /* {"event":"lagged",...} */
    REPLY_REMOVED    /* {"event":"removed",...} */
};

/* One message from the server. Strings are owned, NULL where absent. */
struct reply {
    enum reply_kind kind;
    char *error;      /* ERROR: its text */
    char *document;   /* DOCUMENT, STATUS: the status document as JSON */
    bool presence;    /* STATUS: it says whether devices of the table are connected */
    char *status;     /* DONE: its word, `updated` */
    char *tables;     /* DONE: `tables` as a JSON array */
    char *request_id; /* as printed JSON */
};

/* Reads text[0..len). Errors: INVALID_JSON (not an object), NO_MEMORY; *out needs no finish then.
 */
STUDIO_MUST_USE enum studio_err reply_parse(const char *text, size_t len, struct reply *out);
void reply_finish(struct reply *reply);

/* What the library must know of a message its caller wrote. */
enum outgoing_kind { OUTGOING_PLAIN, OUTGOING_GET, OUTGOING_SUBSCRIBE };
struct outgoing {
    enum outgoing_kind kind;
    bool has_request_id;
};
/* False if text is not one strict JSON object. */
bool outgoing_inspect(const char *text, size_t len, struct outgoing *out);

/* Calls `fn` for each member of the JSON object `json`, in order: strings as they are, other values
 * as JSON. `fn` returning false stops. False if json is not an object or memory is short. */
typedef bool json_member_fn(void *ctx, const char *name, const char *value);
bool json_each_member(const char *json, json_member_fn *fn, void *ctx);

/* The member `name` of an object, to be free()d; NULL if absent. Strings as they are. */
char *json_member(const char *json, const char *name);

/* Calls `fn` for each element of the array `name` of an object, in order, as JSON; `fn` returning false
 * stops. False if there is no such array or memory is short. */
typedef bool json_element_fn(void *ctx, const char *json);
bool json_each_element(const char *json, const char *name, json_element_fn *fn, void *ctx);

/* What an event of section 4 is called in a stream: change, exception or removed. */
const char *json_event_name(const char *json);

#endif
