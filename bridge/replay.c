#include "replay.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "announce.h"
#include "base/log.h"

enum { ANSWER_MAX = 256 };

void replays_init(struct replays *r, const struct bridge_source *source, const char *epoch)
{
    *r = (struct replays){.source = source, .epoch = epoch};
}

static void finish(struct replay *one)
{
    free(one->request);
    feed_list_finish(&one->page);
    *one = (struct replay){.request = NULL};
}

void replays_clear(struct replays *r)
{
    for (size_t i = 0; i < REPLAYS_MAX; i++)
        finish(&r->list[i]);
    r->in_flight = 0;
    r->retry_ms = 0;
}

static struct reply *answer(const struct reply *request, const char *fmt, ...) STUDIO_PRINTF(2, 3);
static struct reply *answer(const struct reply *request, const char *fmt, ...)
{
    char text[ANSWER_MAX];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n < 0 || n >= ANSWER_MAX)
        return NULL;
    return reply_create(NULL, request->topic, request->correlation, request->correlation_len, text,
                        (size_t)n);
}

/* --- starting -------------------------------------------------------------------------------- */

/* From where to where; *refused with an error answer if what was asked for is gone. */
static enum studio_err find_range(struct replays *r, struct replay *one, uint64_t committed,
                                  struct reply **error, bool *refused)
{
    const struct ask *ask = &one->ask;
    uint64_t oldest = 0, rev = 0;
    bool found = true;
    enum studio_err err;

    one->to = ask->has_to && ask->to_seq < committed ? ask->to_seq : committed;
    one->next = ask->from_seq;
    if (ask->by_table)
        err = r->source->oldest_rev(r->source->ctx, ask->table_id, &found, &rev, &oldest);
    else
        err = r->source->oldest(r->source->ctx, &oldest);
    if (err != STUDIO_OK)
        return err;
    if (ask->by_table) {
        one->next = oldest;
        one->read_all = !found;
    }
    *refused = true;
    if (ask->by_table && found && ask->from_rev < rev)
        *error =
            answer(one->request,
                   "{\"error\":\"too old\",\"oldest_seq\":%" PRIu64 ",\"oldest_rev\":%" PRIu64 "}",
                   oldest, rev);
    else if (!ask->by_table && ask->from_seq < oldest && oldest > 1)
        *error = answer(one->request, "{\"error\":\"too old\",\"oldest_seq\":%" PRIu64 "}", oldest);
    else
        *refused = false;
    return STUDIO_OK;
}

/* The replay of a client, or with NULL a free place; NULL if there is none. */
static struct replay *find(struct replays *r, const char *client)
{
    for (size_t i = 0; i < REPLAYS_MAX; i++) {
        struct replay *one = &r->list[i];

        if (one->request && one->ended)
            finish(one);
        if (client ? one->request && strcmp(one->request->client, client) == 0 : !one->request)
            return one;
    }
    return NULL;
}

/* Why a request cannot be carried out, as the answer to it; `refused` says that there is such a
 * reason even if there is no memory to say it. */
static struct reply *check(struct replays *r, struct replay *one, bool room, uint64_t committed,
                           bool *refused)
{
    const char *wrong = ask_read(one->request->payload, one->request->len, &one->ask);
    struct reply *error = NULL;

    *refused = true;
    if (!wrong && !room)
        wrong = studio_err_text(STUDIO_ERR_LIMIT);
    if (wrong)
        return answer(one->request, "{\"error\":\"%s\"}", wrong);
    if (one->ask.epoch[0] && strcmp(one->ask.epoch, r->epoch) != 0)
        return answer(one->request, "{\"error\":\"other epoch\",\"epoch\":\"%s\"}", r->epoch);
    if (find_range(r, one, committed, &error, refused) != STUDIO_OK)
        return answer(one->request, "{\"error\":\"%s\"}", studio_err_text(STUDIO_ERR_STORAGE));
    return error;
}

struct reply *replays_start(struct replays *r, struct reply *request, uint64_t committed)
{
    struct replay one = {.request = request};
    struct replay *place = find(r, request->client);
    struct reply *now;
    bool refused;

    if (!place)
        place = find(r, NULL);
    now = check(r, &one, place != NULL, committed, &refused);
    if (refused || !place) {
        free(request);
        return now;
    }
    if (place->request) { /* the same asker again: the newer request counts */
        now = answer(place->request, "{\"end\":true,\"count\":%" PRIu64 ",\"replaced\":true}",
                     place->count);
        finish(place);
    }
    *place = one;
    return now;
}

/* --- sending --------------------------------------------------------------------------------- */

bool replays_ready(const struct replays *r, int64_t now_ms)
{
    if (r->in_flight >= REPLAY_IN_FLIGHT || now_ms < r->retry_ms)
        return false;
    for (size_t i = 0; i < REPLAYS_MAX; i++)
        if (r->list[i].request && !r->list[i].ended)
            return true;
    return false;
}

static bool add_to_page(void *ctx, struct studio_event *event)
{
    struct replay *one = ctx;

    if (event->seq > one->to)
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
    const struct ask *ask = &one->ask;
    enum studio_err err;

    if (one->next == 0)
        one->next = 1;
    if (one->next > one->to) {
        one->read_all = true;
        return true;
    }
    one->no_memory = false;
    if (ask->by_table)
        err = r->source->read_changes(r->source->ctx, ask->table_id, ask->from_rev, one->next - 1,
                                      REPLAY_PAGE, add_to_page, one);
    else
        err = r->source->read(r->source->ctx, one->next, one->to, REPLAY_PAGE, add_to_page, one);
    if (err != STUDIO_OK || one->no_memory)
        return false;
    if (one->page.count == 0)
        one->read_all = true;
    return true;
}

/* The next message of one replay: an event, or its end. */
static bool next_of(struct replays *r, struct replay *one, struct buf *out,
                    struct replay_message *m)
{
    struct studio_event *event;

    if (one->page.count == 0 && !one->read_all && !read_page(r, one))
        return false;
    m->topic = one->request->topic;
    m->correlation = one->request->correlation;
    m->correlation_len = one->request->correlation_len;
    event = feed_list_take(&one->page);
    if (!event) {
        m->seq = 0;
        one->ended = true; /* freed later: `m` points into it */
        buf_printf(out, "{\"end\":true,\"count\":%" PRIu64 "}", one->count);
        return true;
    }
    announce_event(out, event, r->epoch, true);
    m->seq = event->seq;
    one->count++;
    studio_event_unref(event);
    return true;
}

bool replays_next(struct replays *r, int64_t now_ms, struct buf *out, struct replay_message *m)
{
    for (size_t i = 0; i < REPLAYS_MAX; i++) {
        struct replay *one = &r->list[r->turn++ % REPLAYS_MAX];

        if (!one->request || one->ended)
            continue;
        if (!next_of(r, one, out, m)) {
            r->retry_ms = now_ms + REPLAY_RETRY_MS;
            log_warn("bridge", "cannot read events to replay from the store; trying again");
            return false;
        }
        r->in_flight++;
        return true;
    }
    return false;
}

void replays_done(struct replays *r)
{
    if (r->in_flight > 0)
        r->in_flight--;
}
