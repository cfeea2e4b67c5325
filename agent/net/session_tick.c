/* session_tick.c - a session as time goes by: deadlines, pings, revoked credentials. */
#include "net/session_inside.h"

enum { QUIET_JITTER_MS = 20 /* the socket's clock is coarse */ };

static void cut(struct session *s, enum figure_closed why)
{
    s->ended = why;
    s->env->ops->kill(s->connection);
}

/* Frames the library keeps to itself (pings, empty pongs) are signs of life too. */
static void ask_the_socket(struct session *s, int64_t now)
{
    int64_t quiet = s->env->ops->quiet_ms(s->connection);

    if (quiet < 0 || now - quiet <= s->heard_ms + QUIET_JITTER_MS)
        return;
    s->heard_ms = now - quiet;
    s->ping_ms = 0; /* before the ping was sent the socket was asked as well: this came after it */
}

void session_tick(struct session *s)
{
    const struct session_env *env = s->env;
    int64_t now = clock_mono(env->clock);
    unsigned generation = admission_generation(env->admission);

    if (s->blocked_ms && now - s->blocked_ms >= env->write_timeout_ms) {
        cut(s, CLOSED_SLOW);
        return;
    }
    if (s->state == CLOSING && s->actor.outstanding == 0 && !s->close_sent)
        session_want_write(s); /* in case what it waited for ended without an answer */
    if (s->state == GREETED && now - s->created_ms >= env->auth_timeout_ms) {
        session_close_refused(s, STUDIO_ERR_AUTH_MISSING, NULL);
        return;
    }
    if (s->state == REFUSED && now >= s->refuse_ms) {
        session_close_with(s, STUDIO_ERR_AUTH_CREDENTIALS);
        return;
    }
    if (s->actor.joined && generation != s->generation) {
        s->generation = generation;
        if (!login_still_valid(&s->login)) {
            session_close_with(s, STUDIO_ERR_AUTH_REVOKED);
            return;
        }
    }
    if (s->paused) { /* it is we who do not listen */
        session_alive(s);
        s->incoming_ms = now;
        return;
    }
    if (s->incoming.len > 0 && now - s->incoming_ms >= env->write_timeout_ms) {
        cut(s,
            CLOSED_SLOW); /* every byte is a sign of life, a message has to come to its end, too */
        return;
    }
    if (s->ping_ms || now - s->heard_ms >= env->ping_after_ms)
        ask_the_socket(s, now);
    if (s->ping_ms && now - s->ping_ms >= env->ping_grace_ms) {
        cut(s, CLOSED_SILENT);
    } else if (!s->ping_ms && s->state != CLOSING && now - s->heard_ms >= env->ping_after_ms) {
        s->ping_ms = now;
        s->ping_due = true;
        session_want_write(s);
    }
}
