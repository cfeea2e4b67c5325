#include "answers.h"

#include <stdlib.h>

enum studio_err answers_init(struct answers *a)
{
    *a = (struct answers){.ready = pthread_mutex_init(&a->lock, NULL) == 0};
    return a->ready ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;
}

void answers_finish(struct answers *a)
{
    if (!a->ready)
        return;
    reply_list_clear(&a->list);
    pthread_mutex_destroy(&a->lock);
    a->ready = false;
}

bool answers_put(struct answers *a, struct reply *reply)
{
    bool taken;

    pthread_mutex_lock(&a->lock);
    reply->number = ++a->number;
    taken = reply_list_add(&a->list, reply);
    pthread_mutex_unlock(&a->lock);
    if (!taken)
        free(reply);
    return taken;
}

bool answers_waiting(struct answers *a)
{
    bool any;

    pthread_mutex_lock(&a->lock);
    any = a->list.head != NULL;
    pthread_mutex_unlock(&a->lock);
    return any;
}

static struct reply *take(struct answers *a)
{
    struct reply *reply;

    pthread_mutex_lock(&a->lock);
    reply = reply_list_take(&a->list);
    pthread_mutex_unlock(&a->lock);
    return reply;
}

/* It is the next one again. */
static void put_back(struct answers *a, struct reply *reply)
{
    pthread_mutex_lock(&a->lock);
    reply_list_push_front(&a->list, reply);
    pthread_mutex_unlock(&a->lock);
}

/* On the default topic then; an answer that does not get there either is dropped: false. */
static bool fall_back(struct answers *a, struct window *w, struct reply *reply)
{
    if (reply_fall_back(reply)) {
        put_back(a, reply);
        return true;
    }
    log_limited(&w->refused_log, LOG_ERROR, "bridge",
                "%s hangs up on the answer on %s: it is dropped", w->broker, reply->topic);
    free(reply);
    return false;
}

bool answers_send(struct answers *a, struct window *w)
{
    struct reply *reply = take(a);
    struct link_message m;

    if (!reply)
        return false;
    m = (struct link_message){.topic = reply->topic,
                              .payload = reply->payload,
                              .len = reply->len,
                              .correlation = reply->correlation,
                              .correlation_len = reply->correlation_len};
    switch (window_publish(w, TRAFFIC_ANSWERS, reply, reply->number, &m)) {
    case WINDOW_SENT:
        return true;
    case WINDOW_TOO_LARGE:
        window_log_too_large(w, reply->topic);
        free(reply);
        return true;
    case WINDOW_PARKED: /* counted, like one that was hung up on itself */
        if (!fall_back(a, w, reply))
            w->parked[TRAFFIC_ANSWERS]++;
        return true;
    case WINDOW_STALLED:
        put_back(a, reply);
        break;
    }
    return false;
}

void answers_done(struct answers *a, struct window *w, struct reply *reply, int reason)
{
    if (reason == WINDOW_POISON) {
        (void)fall_back(a, w, reply);
        return;
    }
    if (reason < 0) {
        put_back(a, reply);
        return;
    }
    if (reason > 0)
        log_limited(&w->refused_log, LOG_WARN, "bridge",
                    "%s refuses the answer on %s (reason 0x%02x): check the broker's access list",
                    w->broker, reply->topic, (unsigned)reason);
    free(reply);
}
