#include "replays.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "announce.h"
#include "base/log.h"

enum { ANSWER_MAX = 256 };

enum studio_err replays_init(struct replays *r, const struct bridge_source *source,
                             const char *epoch, struct answers *answers)
{
    *r = (struct replays){.source = source, .epoch = epoch, .answers = answers};
    r->ready = pthread_mutex_init(&r->lock, NULL) == 0;
    return r->ready ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;
}

static void finish(struct replay *one)
{
    free(one->request.to);
    feed_list_finish(&one->page);
    *one = (struct replay){.count = 0};
}

void replays_down(struct replays *r)
{
    for (size_t i = 0; i < REPLAYS_MAX; i++)
        finish(&r->list[i]);
    r->in_flight = 0;
    r->retry_ms = 0;
}

void replays_finish(struct replays *r)
{
    if (!r->ready)
        return;
    replays_down(r);
    for (size_t i = 0; i < r->waiting_count; i++)
        free(r->waiting[i].to);
    pthread_mutex_destroy(&r->lock);
    r->ready = false;
}

bool replays_put(struct replays *r, struct reply *to, const struct studio_replay *ask)
{
    bool room;

    pthread_mutex_lock(&r->lock);
    room = r->waiting_count < REPLAYS_WAITING;
    if (room)
        r->waiting[r->waiting_count++] = (struct replay_request){.to = to, .ask = *ask};
    pthread_mutex_unlock(&r->lock);
    return room;
}

/* --- starting -------------------------------------------------------------------------------- */

/* The answer to a request that starts no replay. */
static void answer(struct replays *r, const struct reply *to, const char *fmt, ...)
    STUDIO_PRINTF(3, 4);
static void answer(struct replays *r, const struct reply *to, const char *fmt, ...)
{
    char text[ANSWER_MAX];
    struct reply *reply = NULL;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n >= 0 && n < ANSWER_MAX)
        reply = reply_create(NULL, to->topic, to->fallback, to->correlation, to->correlation_len,
                             text, (size_t)n);
    if (!reply || !answers_put(r->answers, reply))
        log_warn("bridge",
                 "too many answers wait for the broker: one to a replay request of %s "
                 "is dropped",
                 to->client);
}

/* From where to where. False: what was asked for is gone, or the store cannot be read; answered. */
static bool find_range(struct replays *r, struct replay *one, uint64_t committed)
{
    const struct reply *to = one->request.to;
    const struct studio_replay *ask = &one->request.ask;
    uint64_t oldest = 0, rev = 0;
    bool found = true;
    enum studio_err err;

    one->last = ask->has_to && ask->to_seq < committed ? ask->to_seq : committed;
    one->next = ask->from_seq;
    if (ask->by_table)
        err = r->source->oldest_rev(r->source->ctx, ask->table_id, &found, &rev, &oldest);
    else
        err = r->source->oldest(r->source->ctx, &oldest);
    if (err != STUDIO_OK) {
        answer(r, to, "{\"error\":\"%s\"}", studio_err_text(STUDIO_ERR_STORAGE));
        return false;
    }
    if (ask->by_table) {
        one->next = oldest;
        one->read_all = !found;
    }
    if (ask->by_table && found && ask->from_rev < rev) {
        answer(r, to,
               "{\"error\":\"too old\",\"oldest_seq\":%" PRIu64 ",\"oldest_rev\":%" PRIu64 "}",
               oldest, rev);
        return false;
    }
    if (!ask->by_table && ask->from_seq < oldest && oldest > 1) {
        answer(r, to, "{\"error\":\"too old\",\"oldest_seq\":%" PRIu64 "}", oldest);
        return false;
    }
    return true;
}

/* The replay of a client, or with NULL a free place; NULL if there is none. */
static struct replay *find(struct replays *r, const char *client)
{
    for (size_t i = 0; i < REPLAYS_MAX; i++) {
        struct replay *one = &r->list[i];
        const struct reply *to;

        if (one->ended)
            finish(one);
        to = one->request.to;
        if (client ? to && strcmp(to->client, client) == 0 : !to)
            return one;
    }
    return NULL;
}

/* Takes the request over. */
static void start(struct replays *r, const struct replay_request *request, uint64_t committed)
{
    struct replay one = {.request = *request};
    struct replay *place = find(r, request->to->client);
    const char *epoch = request->ask.epoch;

    if (!place)
        place = find(r, NULL);
    if (!place) {
        answer(r, request->to, "{\"error\":\"%s\"}", studio_err_text(STUDIO_ERR_LIMIT));
    } else if (*epoch && strcmp(epoch, r->epoch) != 0) {
        answer(r, request->to, "{\"error\":\"other epoch\",\"epoch\":\"%s\"}", r->epoch);
    } else if (find_range(r, &one, committed)) {
        if (place->request.to) { /* the same asker again: the newer request counts */
            answer(r, place->request.to, "{\"end\":true,\"count\":%" PRIu64 ",\"replaced\":true}",
                   place->count);
            finish(place);
        }
        *place = one;
        return;
    }
    free(request->to);
}

static bool take_waiting(struct replays *r, struct replay_request *out)
{
    bool any;

    pthread_mutex_lock(&r->lock);
    any = r->waiting_count > 0;
    if (any) {
        *out = r->waiting[0];
        memmove(r->waiting, r->waiting + 1, --r->waiting_count * sizeof(*r->waiting));
    }
    pthread_mutex_unlock(&r->lock);
    return any;
}

void replays_start(struct replays *r, uint64_t committed)
{
    struct replay_request request;

    while (take_waiting(r, &request))
        start(r, &request, committed);
}

/* --- sending --------------------------------------------------------------------------------- */

bool replays_ready(const struct replays *r, int64_t now_ms)
{
    if (r->in_flight >= REPLAY_IN_FLIGHT || now_ms < r->retry_ms)
        return false;
    for (size_t i = 0; i < REPLAYS_MAX; i++)
        if (r->list[i].request.to && !r->list[i].ended)
            return true;
    return false;
}

static bool add_to_page(void *ctx, struct studio_event *event)
{
    struct replay *one = ctx;

    if (event->seq > one->last)
        return false;
    if (feed_list_add(&one->page, event)) {
        studio_event_ref(event);
        one->next = event->seq + 1;
        return true;
    }
    one->no_memory = one->page.count == 0;
    return false;
}

/* Fills the page; false if the store cannot be read now. */
static bool read_page(struct replays *r, struct replay *one)
{
    const struct studio_replay *ask = &one->request.ask;
    enum studio_err err;

    if (one->next == 0)
        one->next = 1;
    if (one->next > one->last) {
        one->read_all = true;
        return true;
    }
    one->no_memory = false;
    if (ask->by_table)
        err = r->source->read_changes(r->source->ctx, ask->table_id, ask->from_rev, one->next - 1,
                                      REPLAY_PAGE, add_to_page, one);
    else
        err = r->source->read(r->source->ctx, one->next, one->last, REPLAY_PAGE, add_to_page, one);
    if (err != STUDIO_OK || one->no_memory)
        return false;
    if (one->page.count == 0)
        one->read_all = true;
    return true;
}

/* Prints the next message of one replay, an event or its end, and tells its seq (0: the end). */
static bool print_next(struct replays *r, struct replay *one, struct buf *out, uint64_t *seq)
{
    const struct studio_event *event;

    if (one->page.count == 0 && !one->read_all && !read_page(r, one))
        return false;
    event = feed_list_first(&one->page);
    *seq = event ? event->seq : 0;
    if (event)
        studio_event_print(out, event, r->epoch, true);
    else
        buf_printf(out, "{\"end\":true,\"count\":%" PRIu64 "}", one->count);
    return true;
}

/* It is sent, or too large for the broker: a hole that the count shows. */
static void go_on(struct replay *one)
{
    if (one->page.count == 0) {
        one->ended = true; /* freed when its place is needed */
        return;
    }
    studio_event_unref(feed_list_take(&one->page));
    one->count++;
}

static struct replay *next_turn(struct replays *r)
{
    for (size_t i = 0; i < REPLAYS_MAX; i++) {
        struct replay *one = &r->list[r->turn++ % REPLAYS_MAX];

        if (one->request.to && !one->ended)
            return one;
    }
    return NULL;
}

bool replays_send(struct replays *r, struct window *w, int64_t now_ms)
{
    struct replay *one = next_turn(r);
    struct buf *text = window_text(w);
    struct reply *to;
    struct link_message m;

    if (!one)
        return false;
    m = (struct link_message){.seq = 0};
    if (!print_next(r, one, text, &m.seq)) {
        r->retry_ms = now_ms + REPLAY_RETRY_MS;
        log_warn("bridge", "cannot read events to replay from the store; trying again");
        return false;
    }
    if (!buf_ok(text)) {
        window_stall(w); /* no memory */
        return false;
    }
    to = one->request.to;
    m.topic = to->topic;
    m.payload = text->data;
    m.len = text->len;
    m.correlation = to->correlation;
    m.correlation_len = to->correlation_len;
    switch (window_publish(w, TRAFFIC_REPLAYS, NULL, m.seq, &m)) {
    case WINDOW_SENT:
        r->in_flight++;
        go_on(one);
        return true;
    case WINDOW_TOO_LARGE:
        go_on(one);
        return true;
    case WINDOW_PARKED: /* on the default topic then */
        one->ended = !reply_fall_back(one->request.to);
        return true;
    case WINDOW_STALLED:
        break;
    }
    return false;
}

void replays_done(struct replays *r)
{
    if (r->in_flight > 0)
        r->in_flight--;
}

int64_t replays_deadline(const struct replays *r, int64_t now_ms)
{
    return r->retry_ms > now_ms ? r->retry_ms : INT64_MAX;
}
