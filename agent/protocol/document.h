/*
 * document.h - states and events to bytes, and the stored document back to a state. Pure.
 *
 * The status document is the one shape on WebSocket, MQTT, HTTP and in the store (section 2).
 */
#ifndef AGENT_PROTOCOL_DOCUMENT_H
#define AGENT_PROTOCOL_DOCUMENT_H

#include "base/buf.h"
#include "model/event.h"
#include "model/snapshot.h"

struct refused_value;

enum studio_via { VIA_WEBSOCKET, VIA_MQTT, VIA_HTTP };

/* "websocket", "mqtt", "http" */
const char *via_name(enum studio_via via);

/* Appends the status document. */
void document_print(struct buf *out, const char *table_id, const struct table_state *state);

/* The snapshot of a table in this state, which is moved from; `removed`: of one that is gone. `text`
 * is emptied and printed into. NULL: out of memory, and `state` is as before. */
struct studio_snapshot *document_snapshot(struct buf *text, const char *table_id,
                                          struct table_state *state, bool removed);

/*
 * Reads back a document this version or an older one printed; a field it lacks has its first value,
 * or that of a custom field of its name (the first that is valid; others are left out and logged).
 * `former` may be NULL: it gets the names of such custom fields, each with its NUL, but those spelled as the
 * built-in is.
 * Errors: INVALID_JSON, INVALID_DATA (not a document), INVALID_VALUE (`refused` is a field in its
 * place with a value not in `lists`), NO_MEMORY; then *out needs no finish.
 */
STUDIO_MUST_USE enum studio_err document_parse(const struct studio_values *lists, const char *text,
                                               size_t len, struct buf *former,
                                               struct table_state *out,
                                               struct refused_value *refused);

/* Who caused an event, when. */
struct event_origin {
    const char *table_id;
    const char *by;
    enum studio_via via;
    int64_t wall_ms;
};

/*
 * An event is printed in two parts, because its number is known only inside the store's transaction:
 * the head `{"seq":N,"epoch":"E",` and a body that these two append, from `"table_id"` to the final
 * `}` (section 4). `changes` is the JSON object of state_apply.
 */
void event_change_body(struct buf *out, const struct event_origin *origin, uint64_t rev,
                       const char *changes, bool removed);
void event_exception_body(struct buf *out, const struct event_origin *origin, const char *data);
/* Is this the body of the change that removed its table? */
bool event_removes(const struct studio_event *event);

/* The answers of section 3.3. `request_id` is printed JSON or NULL. */
void answer_done(struct buf *out, const char *status, const char *table_id, const char *request_id);
void answer_tables(struct buf *out, const char *status, const char *const *tables, size_t count,
                   const char *request_id);
void answer_document(struct buf *out, const char *document, size_t len, const char *request_id);
void answer_error(struct buf *out, const char *text, const char *request_id);

/* An error as HTTP tells it (section 5, RFC 9457), of this type; or one that answer_error printed, made
 * such a one. */
#define PROBLEM_TYPE "application/problem+json"
void problem_print(struct buf *out, int status, const char *title);
void problem_of_answer(struct buf *out, int status, const char *answer, size_t len);

/* Pushes to subscribers; that of a status is in its snapshot: the answer to `get` without a
 * request_id. */
void push_exception(struct buf *out, const struct event_origin *origin, uint64_t seq,
                    const char *data);
/* A status push with whether devices of the table are connected; `status` is the one of the snapshot. */
void push_with_presence(struct buf *out, const char *status, size_t len, bool online);
void push_removed(struct buf *out, const char *table_id);
void push_lagged(struct buf *out, uint64_t missed);

#endif
