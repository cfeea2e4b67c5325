#include "client_session.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client_error.h"

void session_init(struct session *session)
{
    memset(session, 0, sizeof(*session));
}

bool session_opening(struct session *session)
{
    assert(session->state == SESSION_DOWN);
    session->state = SESSION_OPENING;
    session->asked = false;
    session->echoes = false;
    session->first = 0;
    session->count = 0;
    return session->by_address;
}

void session_opened(struct session *session)
{
    assert(session->state == SESSION_OPENING);
    session->state = SESSION_GREETING;
}

bool session_may_send(const struct session *session)
{
    return session->state == SESSION_READY && session->count < SESSION_CALLS_MAX;
}

void session_sent(struct session *session, enum outgoing_kind kind, uint64_t request_id)
{
    assert(session_may_send(session));
    size_t at = (session->first + session->count) % SESSION_CALLS_MAX;
    session->calls[at] = (struct session_call){.kind = kind, .request_id = request_id};
    session->count++;
    if (kind == OUTGOING_SUBSCRIBE)
        session->asked = true;
}

static enum session_action before_ready(struct session *session, const struct reply *reply)
{
    switch (reply->kind) {
    case REPLY_WELCOME:
        if (session->state != SESSION_GREETING)
            return SESSION_IGNORE;
        session->state = SESSION_PROVING;
        return SESSION_SEND_AUTH;
    case REPLY_DONE:
        /* Not a document, but no refusal either: credentials taken like any other object. */
        if (session->state != SESSION_PROVING)
            return SESSION_IGNORE;
        session->state = SESSION_READY;
        return SESSION_ENTER;
    case REPLY_DOCUMENT:
    case REPLY_STATUS:
        session->state = SESSION_READY;
        return SESSION_ENTER;
    case REPLY_ERROR:
        return SESSION_REFUSE;
    case REPLY_UNKNOWN:
    case REPLY_EXCEPTION:
    case REPLY_LAGGED:
    case REPLY_REMOVED:
        break;
    }
    return SESSION_IGNORE;
}

static bool same_id(const struct reply *reply, uint64_t request_id)
{
    char printed[24];

    snprintf(printed, sizeof(printed), "%" PRIu64, request_id);
    return strcmp(reply->request_id, printed) == 0;
}

/* Takes the oldest call off, unless the reply carries the number of another one. */
static enum session_action answer_oldest(struct session *session, const struct reply *reply)
{
    if (session->count == 0)
        return SESSION_IGNORE;
    uint64_t request_id = session->calls[session->first].request_id;
    if (reply->request_id != NULL && request_id != 0 && !same_id(reply, request_id))
        return SESSION_BREAK;
    session->first = (session->first + 1) % SESSION_CALLS_MAX;
    session->count--;
    return SESSION_ANSWER;
}

static bool is_answer_to_get(const struct session *session, const struct reply *reply)
{
    if (session->count == 0 || session->calls[session->first].kind != OUTGOING_GET)
        return false;
    return reply->request_id != NULL || !session->asked || !session->echoes;
}

static enum session_action when_ready(struct session *session, const struct reply *reply)
{
    switch (reply->kind) {
    case REPLY_DONE:
    case REPLY_ERROR:
        return answer_oldest(session, reply);
    case REPLY_DOCUMENT:
    case REPLY_STATUS:
        return is_answer_to_get(session, reply) ? answer_oldest(session, reply) : SESSION_PUSH;
    case REPLY_EXCEPTION:
    case REPLY_LAGGED:
    case REPLY_REMOVED:
        return SESSION_PUSH;
    case REPLY_UNKNOWN:
    case REPLY_WELCOME:
        break;
    }
    return SESSION_IGNORE;
}

enum session_action session_message(struct session *session, const struct reply *reply)
{
    if (reply->request_id != NULL)
        session->echoes = true;
    switch (session->state) {
    case SESSION_GREETING:
    case SESSION_PROVING:
        return before_ready(session, reply);
    case SESSION_READY:
        return when_ready(session, reply);
    case SESSION_DOWN:
    case SESSION_OPENING:
        break;
    }
    return SESSION_IGNORE;
}

enum session_next session_closed(struct session *session, unsigned code, const char *reason,
                                 struct studio_error *error)
{
    enum session_state was = session->state;

    session->state = SESSION_DOWN;
    session->count = 0;
    enum studio_err err = client_error_from_close(error, code, reason);
    if (err == STUDIO_ERR_AUTH_MISSING && !session->by_address && was != SESSION_READY) {
        session->by_address = true;
        return SESSION_NEXT_NOW;
    }
    switch (err) {
    case STUDIO_ERR_AUTH_MISSING:
    case STUDIO_ERR_AUTH_CREDENTIALS:
    case STUDIO_ERR_AUTH_TABLE:
    case STUDIO_ERR_AUTH_REVOKED:
        return SESSION_NEXT_NEVER;
    default:
        return SESSION_NEXT_LATER;
    }
}
