/* The client's thread: turns what the connection says into answers, pushes and new attempts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/json.h"
#include "client_error.h"
#include "client_internal.h"
#include "studio/status.h"

enum { RENEWAL_EXTRA = 96 }; /* bytes of a subscription around its tables */

static int64_t now_ms(void)
{
    return clock_mono(clock_system());
}

/* `why` NULL: nobody is told. */
static void set_state(struct studio_client *client, enum studio_client_state state, const char *why)
{
    pthread_mutex_lock(&client->lock);
    client->state = state;
    if (state == STUDIO_CLIENT_READY || state == STUDIO_CLIENT_CLOSED)
        client->settled = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
    if (why != NULL && client->on_state != NULL)
        client->on_state(client->callback_ctx, state, why);
}

/* `connected`, and to which server if there are several. */
static void set_state_at(struct studio_client *client, enum studio_client_state state,
                         const char *word)
{
    char text[URL_HOST_MAX + 32];

    if (client->servers.count > 1) {
        snprintf(text, sizeof(text), "%s to %s", word, servers_now(&client->servers)->authority);
        word = text;
    }
    set_state(client, state, word);
}

/* --- the thread: what it waits for --- */

/* The one timer serves whatever is due next in this state. */
static void arm_timer(struct studio_client *client)
{
    int64_t due = -1;

    pthread_mutex_lock(&client->lock);
    const struct call *oldest =
        client->sent.head != NULL ? client->sent.head : client->waiting.head;
    if (client->session.state == SESSION_READY)
        due = oldest != NULL ? oldest->deadline_ms : -1;
    else if (client->session.state != SESSION_DOWN)
        due = client->attempt_deadline_ms;
    else if (client->state == STUDIO_CLIENT_WAITING)
        due = client->retry_at_ms;
    pthread_mutex_unlock(&client->lock);

    if (due >= 0) {
        int64_t left = due - now_ms();
        due = left > 0 ? left : 0;
    }
    client_ws_set_timer(client->ws, due);
}

static void open_connection(struct studio_client *client)
{
    struct buf path;

    const struct url *url = servers_now(&client->servers);

    client->auth_due = false;
    buf_init(&path, 4096);
    if (session_opening(&client->session))
        url_auth_path(&path, url, client->user_id, client->token);
    else
        buf_str(&path, url->path);
    /* An empty path leads to a refusal that is retried, as it should when memory is short. */
    client_ws_connect(client->ws, url, buf_ok(&path) ? path.data : "");
    if (path.data != NULL)
        memset(path.data, 0, path.len);
    buf_finish(&path);
}

static void start_attempt(struct studio_client *client)
{
    client->attempt_deadline_ms = now_ms() + client->timeout_ms;
    set_state_at(client, STUDIO_CLIENT_CONNECTING, "connecting");
    open_connection(client);
    arm_timer(client);
}

/* The pause before the next round of attempts. */
static int64_t next_pause(struct studio_client *client)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
        random = (uint32_t)now_ms();
    return servers_pause(&client->servers, backoff_next(&client->backoff, random), random);
}

/* The connection is over, and not to be opened again to the same server at once. The next attempt is the timer's
 * even if there is nothing to wait for: lws is not asked from within its own failure. */
static void lost(struct studio_client *client, enum session_next next,
                 const struct studio_error *because)
{
    const int64_t held_ms = client->ready_at_ms > 0 ? now_ms() - client->ready_at_ms : 0;
    const bool was_ready = client->ready_at_ms > 0;
    struct studio_error why = *because;
    bool more = false;

    client->ready_at_ms = 0;
    client_calls_fail(client, &why);
    if (was_ready) {
        backoff_ended(&client->backoff, held_ms);
        if (held_ms >= BACKOFF_STABLE_MS)
            servers_held(&client->servers);
    }
    pthread_mutex_lock(&client->lock);
    if (next == SESSION_NEXT_NEVER)
        servers_sign(&client->servers, &why);
    else
        more = servers_failed(&client->servers, &why, client_ws_retry_after(client->ws));
    bool final = next == SESSION_NEXT_NEVER || (client->no_reconnect && client->settled) ||
                 (!more && !client->settled);
    client->why = why;
    pthread_mutex_unlock(&client->lock);
    if (final) {
        set_state(client, STUDIO_CLIENT_CLOSED, why.text);
        return;
    }
    client->retry_at_ms = now_ms() + (more ? 0 : next_pause(client));
    /* Told are a loss and the end of a round, not each of its attempts. */
    set_state(client, STUDIO_CLIENT_WAITING, was_ready || !more ? why.text : NULL);
    arm_timer(client);
}

/* This side ends the connection: the server did what it must not, or nothing at all. */
static void abandon(struct studio_client *client, unsigned code, const struct studio_error *why)
{
    struct studio_error ignored;

    client_ws_drop(client->ws, code);
    (void)session_closed(&client->session, 0, "", &ignored);
    enum session_next next =
        why->code == STUDIO_ERR_AUTH_CREDENTIALS || why->code == STUDIO_ERR_AUTH_MISSING ||
                why->code == STUDIO_ERR_AUTH_TABLE || why->code == STUDIO_ERR_AUTH_REVOKED
            ? SESSION_NEXT_NEVER
            : SESSION_NEXT_LATER;
    lost(client, next, why);
}

/* --- the thread: what the connection says --- */

static void opened(void *ctx)
{
    struct studio_client *client = ctx;

    session_opened(&client->session);
}

static void say(const struct studio_client *client, const char *why)
{
    if (client->on_state != NULL)
        client->on_state(client->callback_ctx, STUDIO_CLIENT_READY, why);
}

/* Subscribes again to what the last connection was subscribed to, before anything else is sent. */
static bool renew_subscriptions(struct studio_client *client)
{
    if (client->tables == NULL || strcmp(client->tables, "[]") == 0)
        return true;

    size_t cap = strlen(client->tables) + RENEWAL_EXTRA;
    if (cap > STUDIO_MESSAGE_MAX) {
        say(client, "too many subscriptions to renew them in one message; subscribe to * instead");
        return true;
    }
    struct call *call = calloc(1, sizeof(*call) + cap);
    if (call == NULL)
        return false;
    char *text = (char *)(call + 1);
    call->request_id = client_request_id(client);
    call->len = (size_t)snprintf(text, cap,
                                 "{\"event\":\"subscribe\",\"data\":{\"tables\":%s%s},"
                                 "\"request_id\":%" PRIu64 "}",
                                 client->tables, client->presence ? CLIENT_ASK_PRESENCE : "",
                                 call->request_id);
    call->text = text;
    call->kind = OUTGOING_SUBSCRIBE;
    call->renewal = true;
    call->deadline_ms = now_ms() + client->timeout_ms;
    pthread_mutex_lock(&client->lock);
    call_list_prepend(&client->waiting, call);
    pthread_mutex_unlock(&client->lock);
    return true;
}

static void enter_ready(struct studio_client *client, struct reply *reply)
{
    client->ready_at_ms = now_ms();
    pthread_mutex_lock(&client->lock);
    free(client->greeting);
    client->greeting = reply->document;
    reply->document = NULL;
    pthread_mutex_unlock(&client->lock);
    if (!renew_subscriptions(client)) {
        struct studio_error why;
        studio_error_set(&why, STUDIO_ERR_NO_MEMORY, NULL);
        abandon(client, CLOSE_NORMAL, &why);
        return;
    }
    set_state_at(client, STUDIO_CLIENT_READY, "connected");
    client_ws_want_send(client->ws);
}

/* The answer to a subscription says what the whole set is now; that is what will be renewed. */
static void keep_tables(struct studio_client *client, struct reply *reply)
{
    if (reply->tables == NULL)
        return;
    free(client->tables);
    client->tables = reply->tables;
    reply->tables = NULL;
}

static void answer_call(struct studio_client *client, struct reply *reply, const char *text,
                        size_t len)
{
    struct studio_error refused = {.code = STUDIO_OK};
    bool more;

    pthread_mutex_lock(&client->lock);
    struct call *call = call_list_take(&client->sent);
    enum studio_err err = STUDIO_OK;
    if (call->want_answer && (call->answer = strndup(text, len)) == NULL)
        err = studio_error_set(&call->error, STUDIO_ERR_NO_MEMORY, NULL);
    if (reply->kind == REPLY_ERROR) {
        err = client_error_from_server(&call->error, reply->error);
        if (call->renewal)
            refused = call->error;
    }
    call->document = reply->document;
    reply->document = NULL;
    call->status = call->renewal ? NULL : reply->status;
    if (!call->renewal)
        reply->status = NULL;
    client_call_done(client, call, err);
    more = client->waiting.head != NULL;
    pthread_mutex_unlock(&client->lock);

    keep_tables(client, reply);
    if (refused.code != STUDIO_OK)
        say(client, refused.text);
    if (more)
        client_ws_want_send(client->ws);
}

/* The document of a login, also when another answer came before it. */
static void keep_greeting(struct studio_client *client, const struct reply *reply)
{
    pthread_mutex_lock(&client->lock);
    if (client->greeting == NULL && reply->kind == REPLY_DOCUMENT)
        client->greeting = strdup(reply->document);
    pthread_mutex_unlock(&client->lock);
}

static void push(struct studio_client *client, const struct reply *reply, const char *text,
                 size_t len)
{
    keep_greeting(client, reply);
    if (client->on_push == NULL)
        return;
    if (reply->kind == REPLY_EXCEPTION)
        client->on_push(client->callback_ctx, STUDIO_PUSH_EXCEPTION, text, len);
    else if (reply->kind == REPLY_LAGGED)
        client->on_push(client->callback_ctx, STUDIO_PUSH_LAGGED, text, len);
    else if (reply->kind == REPLY_REMOVED)
        client->on_push(client->callback_ctx, STUDIO_PUSH_REMOVED, text, len);
    else
        client->on_push(client->callback_ctx, STUDIO_PUSH_STATUS, reply->document,
                        strlen(reply->document));
    if (reply->presence)
        client->on_push(client->callback_ctx, STUDIO_PUSH_PRESENCE, text, len);
}

static void message(struct studio_client *client, struct reply *reply, const char *text, size_t len)
{
    struct studio_error why;

    switch (session_message(&client->session, reply)) {
    case SESSION_IGNORE:
        break;
    case SESSION_SEND_AUTH:
        client->auth_due = true;
        client_ws_want_send(client->ws);
        break;
    case SESSION_ENTER:
        enter_ready(client, reply);
        break;
    case SESSION_REFUSE:
        client_error_from_server(&why, reply->error);
        abandon(client, CLOSE_NORMAL, &why);
        break;
    case SESSION_ANSWER:
        answer_call(client, reply, text, len);
        break;
    case SESSION_PUSH:
        push(client, reply, text, len);
        break;
    case SESSION_BREAK:
        studio_error_set(&why, STUDIO_ERR_NOT_CONNECTED, ": the server answered out of order");
        abandon(client, CLOSE_PROTOCOL, &why);
        break;
    }
}

static void text_received(void *ctx, const char *text, size_t len)
{
    struct studio_client *client = ctx;
    struct reply reply;
    struct studio_error why;

    switch (reply_parse(text, len, &reply)) {
    case STUDIO_OK:
        message(client, &reply, text, len);
        reply_finish(&reply);
        break;
    case STUDIO_ERR_NO_MEMORY:
        /* It may have been an answer: without it the order of the rest is lost. */
        studio_error_set(&why, STUDIO_ERR_NO_MEMORY, NULL);
        abandon(client, CLOSE_NORMAL, &why);
        break;
    default:
        break; /* not JSON: nothing this protocol knows */
    }
    arm_timer(client);
}

static void closed(void *ctx, unsigned code, const char *reason)
{
    struct studio_client *client = ctx;
    struct studio_error why;
    bool unreachable = client->session.state == SESSION_OPENING;
    const struct url *url = servers_now(&client->servers);

    enum session_next next = session_closed(&client->session, code, reason, &why);
    if (next == SESSION_NEXT_NOW) {
        open_connection(client);
        arm_timer(client);
        return;
    }
    if (unreachable && why.code == STUDIO_ERR_NOT_CONNECTED && code < CLOSE_NORMAL)
        studio_error_set(&why, STUDIO_ERR_NOT_CONNECTED, " to ws%s://%s%s: %s", url->tls ? "s" : "",
                         url->authority, url->path, reason);
    lost(client, next, &why);
}

static size_t next_message(void *ctx, char *out, size_t cap)
{
    struct studio_client *client = ctx;
    size_t len = 0;

    if (client->auth_due) {
        struct buf auth;
        buf_init(&auth, cap);
        buf_str(&auth, "{\"id\":");
        json_string(&auth, client->user_id, strlen(client->user_id));
        buf_str(&auth, ",\"token\":");
        json_string(&auth, client->token, strlen(client->token));
        buf_str(&auth, "}");
        if (buf_ok(&auth)) {
            len = auth.len;
            memcpy(out, auth.data, len);
            memset(auth.data, 0, len);
        }
        buf_finish(&auth);
        client->auth_due = false;
        return len;
    }
    if (!session_may_send(&client->session))
        return 0;
    pthread_mutex_lock(&client->lock);
    struct call *call = call_list_take(&client->waiting);
    if (call != NULL) {
        call_list_append(&client->sent, call);
        session_sent(&client->session, call->kind, call->request_id);
        len = call->len < cap ? call->len : cap;
        memcpy(out, call->text, len);
    }
    pthread_mutex_unlock(&client->lock);
    return len;
}

static void woken(void *ctx)
{
    struct studio_client *client = ctx;

    pthread_mutex_lock(&client->lock);
    bool closing = client->closing;
    pthread_mutex_unlock(&client->lock);
    if (closing) {
        struct studio_error why;
        studio_error_set(&why, STUDIO_ERR_NOT_CONNECTED, ": closed");
        client_calls_fail(client, &why);
        client_ws_leave(client->ws);
        return;
    }
    if (!client->started) {
        client->started = true;
        start_attempt(client);
        return;
    }
    if (session_may_send(&client->session))
        client_ws_want_send(client->ws);
    arm_timer(client);
}

/* Fails the oldest call for good; the connection cannot be trusted to answer the next in order. */
static void answer_overdue(struct studio_client *client)
{
    struct studio_error why;

    pthread_mutex_lock(&client->lock);
    struct call *call =
        call_list_take(client->sent.head != NULL ? &client->sent : &client->waiting);
    studio_error_set(&why, STUDIO_ERR_TIMEOUT, ": the server did not answer within %u ms",
                     client->timeout_ms);
    call->error = why;
    client_call_done(client, call, STUDIO_ERR_TIMEOUT);
    pthread_mutex_unlock(&client->lock);
    abandon(client, CLOSE_NORMAL, &why);
}

static void timer_due(void *ctx)
{
    struct studio_client *client = ctx;
    int64_t now = now_ms();

    pthread_mutex_lock(&client->lock);
    const struct call *oldest =
        client->sent.head != NULL ? client->sent.head : client->waiting.head;
    bool overdue = oldest != NULL && now >= oldest->deadline_ms;
    bool waiting = client->state == STUDIO_CLIENT_WAITING;
    pthread_mutex_unlock(&client->lock);

    if (client->session.state == SESSION_READY && overdue) {
        answer_overdue(client);
    } else if (client->session.state == SESSION_DOWN) {
        if (waiting && now >= client->retry_at_ms)
            start_attempt(client);
    } else if (client->session.state != SESSION_READY && now >= client->attempt_deadline_ms) {
        const struct url *url = servers_now(&client->servers);
        struct studio_error why;
        studio_error_set(&why, STUDIO_ERR_TIMEOUT,
                         ": ws%s://%s did not let the client in within %u ms%s",
                         url->tls ? "s" : "", url->authority, client->timeout_ms,
                         client_ws_handshaking(client->ws)
                             ? "; it does not go on with the TLS handshake: does it speak TLS at "
                               "this port? Without TLS the address begins with ws://"
                             : "");
        abandon(client, CLOSE_NORMAL, &why);
    }
    arm_timer(client);
}

const struct client_ws_ops client_thread_ops = {.opened = opened,
                                                .text = text_received,
                                                .closed = closed,
                                                .next = next_message,
                                                .woken = woken,
                                                .timer = timer_due};
