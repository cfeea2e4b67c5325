/* The queue between callers and the client's thread: calls wait to be sent, then for an answer. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "client_error.h"
#include "client_internal.h"
#include "studio/status.h"

void call_list_append(struct call_list *list, struct call *call)
{
    call->next = NULL;
    if (list->tail != NULL)
        list->tail->next = call;
    else
        list->head = call;
    list->tail = call;
}

void call_list_prepend(struct call_list *list, struct call *call)
{
    call->next = list->head;
    list->head = call;
    if (list->tail == NULL)
        list->tail = call;
}

struct call *call_list_take(struct call_list *list)
{
    struct call *call = list->head;

    if (call != NULL) {
        list->head = call->next;
        if (list->head == NULL)
            list->tail = NULL;
        call->next = NULL;
    }
    return call;
}

uint64_t client_request_id(struct studio_client *client)
{
    pthread_mutex_lock(&client->lock);
    uint64_t id = ++client->last_request_id;
    pthread_mutex_unlock(&client->lock);
    return id;
}

/* Why a call cannot be sent now. With the lock held. */
static enum studio_err not_ready(const struct studio_client *client, struct studio_error *error)
{
    if (client->state == STUDIO_CLIENT_CLOSED && client->why.code != STUDIO_OK) {
        *error = client->why;
        return error->code;
    }
    return studio_error_set(
        error, STUDIO_ERR_NOT_CONNECTED, ": nothing was sent%s",
        client->state == STUDIO_CLIENT_CLOSED ? "" : "; connecting again, try later");
}

enum studio_err client_call(struct studio_client *client, struct call *call)
{
    if (pthread_equal(pthread_self(), client->thread))
        return client_error_usage(&call->error, "no call can be made from a client's callback");
    if (!text_utf8_valid(call->text, call->len))
        return client_error_usage(&call->error, "this is not UTF-8, nothing was sent");
    if (call->len > STUDIO_MESSAGE_MAX)
        return studio_error_set(&call->error, STUDIO_ERR_TOO_LARGE, ": %d bytes are allowed",
                                STUDIO_MESSAGE_MAX);

    pthread_mutex_lock(&client->lock);
    if (client->state != STUDIO_CLIENT_READY || client->closing) {
        call->err = not_ready(client, &call->error);
    } else {
        call->deadline_ms = clock_mono(clock_system()) + client->timeout_ms;
        call_list_append(&client->waiting, call);
        client_ws_wake(client->ws);
        while (!call->done)
            pthread_cond_wait(&client->changed, &client->lock);
    }
    pthread_mutex_unlock(&client->lock);
    return call->err;
}

void client_call_done(struct studio_client *client, struct call *call, enum studio_err err)
{
    call->err = err;
    if (call->renewal) {
        free(call);
        return;
    }
    call->done = true;
    pthread_cond_broadcast(&client->changed);
}

void client_calls_fail(struct studio_client *client, const struct studio_error *why)
{
    struct call *call;

    pthread_mutex_lock(&client->lock);
    while ((call = call_list_take(&client->sent)) != NULL) {
        enum studio_err err = why->code;
        if (err == STUDIO_ERR_TOO_LARGE)
            call->error = *why;
        else
            err = studio_error_set(&call->error, STUDIO_ERR_NOT_CONNECTED,
                                   " any more when the answer was due, so it is not known "
                                   "whether the message took effect (%s)",
                                   why->text);
        client_call_done(client, call, err);
    }
    while ((call = call_list_take(&client->waiting)) != NULL)
        client_call_done(client, call,
                         studio_error_set(&call->error, STUDIO_ERR_NOT_CONNECTED,
                                          " any more, nothing was sent (%s)", why->text));
    pthread_mutex_unlock(&client->lock);
}
