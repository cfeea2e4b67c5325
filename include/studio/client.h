/*
 * client.h - the client library: report and watch the status of a table over WebSocket, read its history
 * and follow all events over HTTP.
 *
 *     struct studio_client_options o = {.server_url = "ws://localhost:8080", .table_id = "ARO-001",
 *                                       .device_name = "dealerPC", .token = getenv("STUDIO_TOKEN")};
 *     struct studio_client *c;
 *     struct studio_error e;
 *     if (studio_client_connect(&o, &c, &e) == STUDIO_OK &&
 *         studio_client_service_status(c, "sdp", "up", &e) == STUDIO_OK)
 *         puts("durable");
 *     else
 *         fprintf(stderr, "%s\n", e.text);
 *     studio_client_close(c);
 *
 * Threads: a client runs one thread of its own. Every function may be called from any thread but the
 * client's own, that is, not from a callback. Sending functions block until the server's answer, an
 * error or the timeout; STUDIO_OK means the server answered that the update is durable. They may be
 * called from several threads at once; answers come in the order of the calls.
 *
 * After a loss of connection the library reconnects with backoff and jitter and subscribes again; a
 * call that was waiting for its answer then returns NOT_CONNECTED: whether it was applied is not
 * known, and sending the same status again does no harm.
 *
 * Several servers: each address is tried in turn, the one after the one in use first, at once, for timeout_ms
 * each; the backoff comes when none lets us in. A refused login (AUTH_*) is final wherever it was said. What the
 * library goes on with is the same at the next one: subscriptions, a stream behind its last event, a history
 * at its next page.
 */
#ifndef STUDIO_CLIENT_H
#define STUDIO_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "studio/error.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct studio_client;

enum studio_client_state {
    STUDIO_CLIENT_CONNECTING,
    STUDIO_CLIENT_READY,
    STUDIO_CLIENT_WAITING, /* for the next attempt */
    STUDIO_CLIENT_CLOSED   /* for good: refused credentials or closed by the caller */
};

/* A server push as JSON text: the status document of a table, an exception event, how many were
 * missed, that a table was removed, or (asked for with `presence`, after its STATUS) whether devices of
 * it are connected: the `online` of the message. */
enum studio_client_push {
    STUDIO_PUSH_STATUS,
    STUDIO_PUSH_EXCEPTION,
    STUDIO_PUSH_LAGGED,
    STUDIO_PUSH_REMOVED,
    STUDIO_PUSH_PRESENCE
};

/* On the client's thread: copy what you need and return soon; text is valid during the call.
 * For STATUS `json` is the document itself, for the others the whole message. */
typedef void studio_client_push_fn(void *ctx, enum studio_client_push kind, const char *json,
                                   size_t len);
/* On the client's thread: the connection's state changed; `why` is for people. Of several addresses that are tried
 * one after the other each is told as CONNECTING, and WAITING only when all have been. */
typedef void studio_client_state_fn(void *ctx, enum studio_client_state state, const char *why);

/* Strings are copied. NULL and 0 mean the default. */
struct studio_client_options {
    /* ws://HOST:PORT[/PATH] or wss://, up to eight with commas: an agent and those that take over from it;
     * default ws://localhost:8080 */
    const char *server_url;
    const char *table_id;    /* default ARO-001 */
    const char *device_name; /* default dealerPC */
    const char *token;       /* required */
    /* For wss://, in PEM: whom to trust (default: those the system does); our own certificate, where the
     * server wants one, and its key (default: in the same file). */
    const char *ca_file, *cert_file, *key_file;
    unsigned timeout_ms; /* for connecting and for each answer; default 10000 */
    bool no_reconnect;   /* report the loss and stay closed */
    bool presence;       /* subscriptions tell whether devices are connected, if the agent does */
    const char *service_values, *device_values; /* NAME[,NAME...] the agent has been given */
    studio_client_push_fn *on_push;
    studio_client_state_fn *on_state;
    void *ctx; /* for both callbacks */
};

/*
 * Connects and authenticates, whichever way the server wants (by message after its welcome, else by
 * address), and waits for the status document. Each address is tried once. On failure *out is NULL, and of
 * several addresses the text tells what each has said. Errors: USAGE (a bad URL or list of them,
 * table, device, token or file, a bad name in the lists of values), NOT_CONNECTED, TIMEOUT, AUTH_* (the server's close reason), LIMIT,
 * NO_MEMORY.
 */
STUDIO_MUST_USE enum studio_err studio_client_connect(const struct studio_client_options *options,
                                                      struct studio_client **out,
                                                      struct studio_error *error);
/* The address in use, or the one that is tried next, as ws://HOST:PORT/PATH, to be free()d; NULL: memory is
 * short. Any thread, a callback too. */
char *studio_client_server(struct studio_client *client);
/* Says goodbye (1000), ends the thread, frees. NULL does nothing. */
void studio_client_close(struct studio_client *client);

/* One update; `error` may be NULL and gets the server's text. Errors: USAGE (an unknown field or a
 * value not in its list: nothing is sent), PEER errors as the server answered, STORAGE,
 * NOT_CONNECTED, TIMEOUT. */
STUDIO_MUST_USE enum studio_err studio_client_service_status(struct studio_client *client,
                                                             const char *service, const char *value,
                                                             struct studio_error *error);
STUDIO_MUST_USE enum studio_err studio_client_device_status(struct studio_client *client,
                                                            const char *device, const char *value,
                                                            struct studio_error *error);
STUDIO_MUST_USE enum studio_err studio_client_maintenance(struct studio_client *client, bool on,
                                                          struct studio_error *error);

/* Several fields in one update, applied whole or not at all. A built-in field's value is its name
 * (`up`, `true`); a custom field's is JSON text, and NULL removes it. */
struct studio_client_field {
    const char *name;
    const char *value;
};
STUDIO_MUST_USE enum studio_err studio_client_update(struct studio_client *client,
                                                     const struct studio_client_field *fields,
                                                     size_t count, struct studio_error *error);

/* Sends any message and waits for its answer, copied into *answer (free()) if not NULL. An answer
 * {"error":...} is returned as the error it names. */
STUDIO_MUST_USE enum studio_err studio_client_send_json(struct studio_client *client,
                                                        const char *json, char **answer,
                                                        struct studio_error *error);

/* Reports an exception: `code` is a text like "NO BALL DETECT"; or JSON of an object. */
STUDIO_MUST_USE enum studio_err studio_client_exception(struct studio_client *client,
                                                        const char *code,
                                                        struct studio_error *error);

/* The status document of the own table (or, for viewers and operators, of any), to be free()d. */
STUDIO_MUST_USE enum studio_err studio_client_get(struct studio_client *client,
                                                  const char *table_id, char **document,
                                                  struct studio_error *error);

/* The document the server sent when it let this client in last, to be free()d: the only one a server
 * without `get` ever sends. NULL: none was sent, or memory is short. */
char *studio_client_greeting(struct studio_client *client);

/* From now on pushes of these tables come to on_push, also after reconnecting. "*" is all. */
STUDIO_MUST_USE enum studio_err studio_client_subscribe(struct studio_client *client,
                                                        const char *const *tables, size_t count,
                                                        struct studio_error *error);
STUDIO_MUST_USE enum studio_err studio_client_unsubscribe(struct studio_client *client,
                                                          const char *const *tables, size_t count,
                                                          struct studio_error *error);

enum studio_client_state studio_client_get_state(struct studio_client *client);

/*
 * --- over HTTP: what has happened, and what happens, without a gap (protocol section 5) ----------
 *
 * These need no studio_client. They ask as the user of the options, of which only server_url, table_id,
 * device_name, token, the files of TLS, timeout_ms, no_reconnect, on_state and ctx count; the API is beside the
 * WebSocket of that address. They run on the thread that calls them.
 */

/* `event` is "change", "exception" or "removed", and `json` the event as it is on MQTT; of a stream also
 * "status", the document of a table, and "reset": what follows does not follow what came before. `id` is
 * where a stream goes on behind it, "" if that cannot be said. Valid during the call. */
struct studio_client_event {
    const char *event, *id, *json;
    size_t len;
};
/* False ends it. */
typedef bool studio_client_event_fn(void *ctx, const struct studio_client_event *event);

/* NULL and 0 leave out a bound. */
struct studio_client_history_query {
    const char *table_id; /* default: the one of the options */
    uint64_t from_rev, to_rev;
    const char *since, *until; /* RFC 3339, as in 2026-01-02T06:00:00Z */
    const char *kinds;         /* `changes` (the default), `changes,exceptions` */
    bool newest_first;
    uint64_t limit; /* events in all */
};
/* Calls fn with each event, in order. Errors: USAGE, those of the server, NOT_CONNECTED, TIMEOUT,
 * NO_MEMORY; some events may have been told by then. */
STUDIO_MUST_USE enum studio_err studio_client_history(
    const struct studio_client_options *options, const struct studio_client_history_query *query,
    studio_client_event_fn *fn, void *ctx, struct studio_error *error);

/* Strings are copied. */
struct studio_client_stream_query {
    const char *tables;  /* names with commas, or `*`; default: all that the user may watch */
    const char *kinds;   /* default `changes,exceptions` */
    const char *last_id; /* goes on behind this id of an event; */
    uint64_t from_seq;   /* else from this number on; 0: with the documents */
    studio_client_event_fn *on_event; /* its ctx is that of the options */
    /* NULL, or told that a stream goes on behind this id, if no event has said so: nothing is missed by who begins
     * there, and what it did not ask for is behind it. The same ctx. */
    void (*on_place)(void *ctx, const char *id);
};
struct studio_client_stream;
/* Errors: USAGE, NO_MEMORY; then *out is NULL. */
STUDIO_MUST_USE enum studio_err studio_client_stream_create(
    const struct studio_client_options *options, const struct studio_client_stream_query *query,
    struct studio_client_stream **out, struct studio_error *error);
/* Follows the stream until it is stopped or refused; once. After a loss it goes on behind the last event,
 * with backoff; the first time each address is tried once. STUDIO_OK: on_event returned false, or it was
 * stopped. Errors: those of the server, NOT_CONNECTED, TIMEOUT, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err studio_client_stream_run(struct studio_client_stream *stream,
                                                         struct studio_error *error);
/* Any thread: ends studio_client_stream_run. */
void studio_client_stream_stop(struct studio_client_stream *stream);
/* Not while it runs. NULL does nothing. */
void studio_client_stream_destroy(struct studio_client_stream *stream);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
