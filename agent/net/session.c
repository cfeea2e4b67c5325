#include "net/session.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/names.h"
#include "net/session_inside.h"
#include "protocol/decode.h"

enum {
    REPLIES_PAUSE = 128,   /* answers waiting to be written: stop reading */
    REPLIES_RESUME = 32,   /* go on reading */
    OUTSTANDING_PAUSE = 64 /* messages waiting for the store: stop reading */
};

static struct session *of_actor(struct actor *actor)
{
    return (struct session *)actor;
}

void session_waits(struct session *s)
{
    if (s->blocked_ms == 0)
        s->blocked_ms = clock_mono(s->env->clock);
}

/* --- reading and pausing --------------------------------------------------------------------- */

static void update_pause(struct session *s)
{
    bool pause = s->congested || s->state == CHECKING ||
                 s->actor.outstanding >= OUTSTANDING_PAUSE ||
                 s->out.waiting >= (s->paused ? REPLIES_RESUME : REPLIES_PAUSE);

    if (pause == s->paused || !s->connection)
        return;
    s->paused = pause;
    s->env->ops->pause(s->connection, pause);
}

static void pause_if_congested(struct session *s)
{
    if (!s->congested && core_congested(s->env->core)) {
        s->congested = true;
        DL_APPEND(s->env->paused, s);
    }
    update_pause(s);
}

void session_resume_all(struct session_env *env)
{
    struct session *s, *next;

    DL_FOREACH_SAFE(env->paused, s, next)
    {
        DL_DELETE(env->paused, s);
        s->congested = false;
        update_pause(s);
    }
}

/* --- answers --------------------------------------------------------------------------------- */

static void send_text(struct session *s, const char *text, size_t len)
{
    if (!s->connection || s->close_sent)
        return;
    if (outgoing_put(&s->out, text, len))
        session_want_write(s);
    else /* an answer that cannot be given must not be passed over in silence */
        session_close(s, 1013, studio_err_text(STUDIO_ERR_LIMIT));
}

/* A message was settled: reading may go on, and so may a close that waited for the last one. */
static void on_settled(struct session *s)
{
    update_pause(s);
    if (s->state == CLOSING && s->actor.outstanding == 0)
        session_want_write(s);
}

/* The answer to joining. */
static void welcome(struct session *s, enum studio_err err, const char *document, size_t len)
{
    s->welcomed = true;
    if (s->state != JOINING)
        return;
    if (err != STUDIO_OK) { /* a limit, or no table: the client comes again */
        logins_refused(&s->env->logins, s->actor.user_id, s->peer, err,
                       "too many tables, or its table could not be made");
        session_close(s, 1013, studio_err_text(STUDIO_ERR_LIMIT));
        return;
    }
    s->state = READY;
    figure_add(&s->env->logins.figures->connections[s->actor.role], 1);
    s->logged_in = true;
    logins_here(&s->env->logins, s->actor.user_id, s->peer, s->actor.role);
    send_text(s, document, len);
    if (s->subscribe && !core_subscribe(s->env->core, &s->actor, s->subscribe))
        session_close(s, 1013, studio_err_text(STUDIO_ERR_LIMIT));
    free(s->subscribe);
    s->subscribe = NULL;
}

static void on_answer(struct actor *actor, enum studio_err err, const char *text, size_t len)
{
    struct session *s = of_actor(actor);

    if (!s->welcomed)
        welcome(s, err, text, len);
    else if (text)
        send_text(s, text, len);
    on_settled(s);
}

static void on_release(struct actor *actor)
{
    free(actor);
}

static const struct actor_ops actor_ops = {on_answer, on_release};

static void on_push(struct watcher *watcher)
{
    struct session *s =
        (struct session *)(void *)((char *)watcher - offsetof(struct session, watcher));

    if (outgoing_may_push(&s->out, watcher, &s->env->pacing, clock_mono(s->env->clock)))
        session_want_write(s);
}

/* --- closing --------------------------------------------------------------------------------- */

/* No longer there for others: nothing is pushed to it, it is not counted. */
static void retire(struct session *s)
{
    login_forget(&s->login);
    core_leave(s->env->core, &s->actor);
    if (s->state == READY)
        figure_drop(&s->env->logins.figures->connections[s->actor.role], 1);
    s->state = CLOSING;
}

void session_close(struct session *s, unsigned code, const char *reason)
{
    if (s->state == CLOSING)
        return;
    retire(s);
    s->ended = logins_closed(code, s->logged_in);
    s->close_code = code;
    s->close_reason = reason;
    session_want_write(s);
}

void session_close_with(struct session *s, enum studio_err err)
{
    session_close(s, err == STUDIO_ERR_LIMIT ? 1013 : 1008, studio_err_text(err));
}

/* --- arriving -------------------------------------------------------------------------------- */

void session_close_refused(struct session *s, enum studio_err err, const char *id)
{
    logins_refused(&s->env->logins, id, s->peer, err, NULL);
    session_close_with(s, err);
}

/* Who guesses waits; whoever has the right token does not come here. */
static void refuse(struct session *s, const struct login_result *result)
{
    if (result->told_ms == 0) {
        session_close_refused(s, result->err, result->id);
        return;
    }
    logins_refused(&s->env->logins, result->id, s->peer, result->err, NULL);
    s->state = REFUSED;
    s->refuse_ms = result->told_ms;
}

static void on_login(struct login *login, const struct login_result *result)
{
    struct session *s = (struct session *)(void *)((char *)login - offsetof(struct session, login));

    if (result->err != STUDIO_OK) {
        refuse(s, result);
    } else {
        s->env->ops->known(s->connection);
        s->state = JOINING;
        s->actor.grant = result->grant;
        core_join(s->env->core, &s->actor);
        s->actor.grant = NULL;
    }
    update_pause(s);
}

static void authenticate(struct session *s, const struct credentials_in *in,
                         const struct holder *holder)
{
    s->state = CHECKING;
    login_begin(&s->login, in, holder, s->peer);
    update_pause(s);
}

struct session *session_create(struct session_env *env, void *connection,
                               const struct session_address *address)
{
    static const char hello[] =
        "{\"message\":\"Connected to Studio WebSocket Server\",\"status\":\"ready\"}";
    struct session *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    if (address->subscribe && *address->subscribe && !(s->subscribe = strdup(address->subscribe))) {
        free(s);
        return NULL;
    }
    s->env = env;
    s->connection = connection;
    s->actor.ops = &actor_ops;
    s->actor.via = VIA_WEBSOCKET;
    s->actor.refs = 1;
    s->actor.watcher = &s->watcher;
    s->watcher.want_write = on_push;
    s->login =
        (struct login){{env->core, env->admission, env->rates}, &s->actor, on_login, .opens = true};
    s->close_reason = "";
    s->created_ms = s->heard_ms = clock_mono(env->clock);
    s->generation = admission_generation(env->admission);
    s->peer = address->peer;
    buf_init(&s->incoming, STUDIO_MESSAGE_MAX);
    env->count++;
    if (address->in.id || address->in.token || address->holder)
        authenticate(s, &address->in, address->holder);
    else
        send_text(s, hello, sizeof(hello) - 1);
    return s;
}

void session_destroy(struct session *s)
{
    if (!s)
        return;
    logins_left(&s->env->logins, s->logged_in ? s->actor.user_id : NULL, s->peer, s->ended,
                s->close_reason);
    retire(s);
    pacing_leave(&s->env->pacing, &s->out.paced);
    if (s->congested)
        DL_DELETE(s->env->paused, s);
    outgoing_finish(&s->out);
    buf_finish(&s->incoming);
    free(s->subscribe);
    s->env->count--;
    login_end(&s->login);
    s->connection = NULL;
    s->actor.gone = true;
    actor_unref(&s->actor);
}

/* --- receiving ------------------------------------------------------------------------------- */

void session_alive(struct session *s)
{
    s->heard_ms = clock_mono(s->env->clock);
    s->ping_ms = 0;
}

void session_binary(struct session *s)
{
    session_alive(s);
    session_close(s, 1003, "Text frames only");
}

static void first_message(struct session *s, const char *text, size_t len)
{
    struct studio_error error;
    struct message message;

    if (message_decode_auth(text, len, &message, &error) == STUDIO_OK) {
        struct credentials_in in = {message.id, message.token, message.device, message.game_code};
        authenticate(s, &in, NULL);
    } else {
        session_close_refused(s, STUDIO_ERR_AUTH_MISSING, NULL);
    }
    message_finish(&message);
}

static void dispatch(struct session *s, const char *text, size_t len)
{
    if (s->state == GREETED)
        first_message(s, text, len);
    else if (s->state != CLOSING)
        core_message(s->env->core, &s->actor, text, len);
    pause_if_congested(s);
}

void session_receive(struct session *s, const char *bytes, size_t len, bool final)
{
    session_alive(s);
    if (s->state == CLOSING || s->state == REFUSED)
        return;
    if (s->state == CHECKING) { /* the library keeps what it has read; if it does not: */
        session_close_with(s, STUDIO_ERR_LIMIT);
        return;
    }
    if (s->incoming.len + len > STUDIO_MESSAGE_MAX) {
        session_close(s, 1009, studio_err_text(STUDIO_ERR_TOO_LARGE));
        return;
    }
    if (final && s->incoming.len == 0) { /* the usual case: a whole message, no copy */
        dispatch(s, bytes, len);
        return;
    }
    if (s->incoming.len == 0)
        s->incoming_ms = s->heard_ms;
    buf_add(&s->incoming, bytes, len);
    if (!buf_ok(&s->incoming)) {
        session_close_with(s, STUDIO_ERR_LIMIT);
    } else if (final) {
        dispatch(s, s->incoming.data, s->incoming.len);
        buf_finish(&s->incoming); /* an idle connection holds no buffer */
    }
}

/* --- writing --------------------------------------------------------------------------------- */

struct session_frame session_next(struct session *s)
{
    struct session_frame out = {.kind = SESSION_NOTHING};

    s->blocked_ms = 0;
    if (s->close_sent)
        return out;
    if (outgoing_answer(&s->out)) {
        out.kind = SESSION_TEXT;
    } else if (s->state == CLOSING) {
        if (s->actor.outstanding > 0)
            return out; /* answers are still owed */
        s->close_sent = true;
        out.kind = SESSION_CLOSE;
        out.code = s->close_code;
        out.reason = s->close_reason;
    } else if (s->ping_due) {
        s->ping_due = false;
        out.kind = SESSION_PING;
    } else if (s->watcher.failed) {
        session_close_with(s, STUDIO_ERR_LIMIT);
    } else if (outgoing_push(&s->out, core_hub(s->env->core), &s->watcher, s->env->clock)) {
        out.kind = SESSION_TEXT;
    }
    out.data = s->out.data;
    out.len = s->out.len;
    return out;
}

bool session_written(struct session *s)
{
    bool more;

    outgoing_sent(&s->out);
    update_pause(s);
    if (s->out.waiting > 0)
        more = true;
    else if (s->state == CLOSING)
        more = s->actor.outstanding == 0 && !s->close_sent;
    else
        more = s->ping_due || outgoing_push_waits(&s->out, &s->watcher);
    if (more)
        session_waits(s);
    return more;
}

bool session_ends(const struct session *s)
{
    return s->state == CLOSING && s->out.waiting == 0;
}
