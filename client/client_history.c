/* A history: page after page, each asked for where the one before says, of whichever server serves. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "client_asking.h"
#include "client_error.h"
#include "client_http.h"
#include "client_internal.h"
#include "client_json.h"
#include "studio/client.h"

enum {
    PAGE_EVENTS = 1000,
    WAITS_MAX =
        10, /* for one page, where others come first, the rate is exceeded, or none serves yet */
    PAGE_BYTES_MAX = 32 << 20 /* of an answer: so many of the largest events there can be */
};

struct history {
    struct client_http *http;
    struct buf path, page; /* where it is, and what came of it */
    char *next;            /* where the next page is; NULL: this was the last */
    unsigned timeout_ms, status, retry_s, waits;
    uint64_t left; /* events still wanted; 0: all */
    bool bounded, begun, stopped;
    bool told;    /* there has been a page */
    bool passing; /* a server of this round may serve another time */
    bool waiting; /* to ask for the same page again */
    studio_client_event_fn *fn;
    void *ctx;
    struct studio_error why; /* code OK: all was told */
};

static void ask(struct history *h)
{
    buf_clear(&h->page);
    h->why = (struct studio_error){.code = STUDIO_OK};
    h->status = 0;
    h->retry_s = 0;
    h->waiting = false;
    client_http_set_timer(h->http, h->timeout_ms);
    client_http_get(h->http, h->path.data, "");
}

static void answered(void *ctx, unsigned status, const char *next, unsigned retry_s)
{
    struct history *h = ctx;

    h->status = status;
    h->retry_s = retry_s;
    free(h->next);
    h->next = next != NULL ? strdup(next) : NULL;
    if (next != NULL && h->next == NULL)
        h->page.failed = true;
}

static bool body(void *ctx, const char *bytes, size_t len)
{
    struct history *h = ctx;

    client_http_set_timer(h->http, h->timeout_ms); /* as long as something comes */
    buf_add(&h->page, bytes, len);
    return true;
}

static bool tell(void *ctx, const char *json)
{
    struct history *h = ctx;
    const struct studio_client_event event = {
        .event = json_event_name(json), .id = "", .json = json, .len = strlen(json)};

    if (!h->fn(h->ctx, &event))
        h->stopped = true;
    if (h->bounded && --h->left == 0)
        h->stopped = true;
    return !h->stopped;
}

/* False: there was no memory. */
static bool turn_the_page(struct history *h)
{
    buf_clear(&h->path);
    buf_str(&h->path, h->next);
    free(h->next);
    h->next = NULL;
    h->waits = 0;
    h->told = true;
    return buf_ok(&h->path);
}

/* The same page again in so many seconds; false: often enough. */
static bool wait_for(struct history *h, unsigned seconds)
{
    if (h->waits == WAITS_MAX)
        return false;
    h->waits++;
    h->waiting = true;
    h->passing = false;
    client_http_set_timer(h->http, (int64_t)(seconds > 0 ? seconds : 1) * 1000);
    return true;
}

/* The page did not come, as h->why says: the same one from the next server; when all have been asked, once more
 * if one of them said that it does not serve now. Else it is over. */
static void failed(struct history *h)
{
    struct servers *servers = client_http_servers(h->http);
    unsigned asked_s;

    if (h->status == 429 && wait_for(h, h->retry_s))
        return;
    if (studio_err_class(h->why.code) != STUDIO_CLASS_RETRY ||
        h->why.code == STUDIO_ERR_NO_MEMORY) {
        servers_sign(servers, &h->why);
        client_http_leave(h->http);
        return;
    }
    h->passing |= h->status == 503 || (h->told && servers->count > 1);
    if (servers_failed(servers, &h->why, h->retry_s)) {
        h->waiting = true;
        client_http_set_timer(h->http, 0);
        return;
    }
    asked_s = servers->retry_s;
    servers_held(servers); /* a new round */
    if (!h->passing || !wait_for(h, asked_s))
        client_http_leave(h->http);
}

static void ended(void *ctx, const char *reason)
{
    struct history *h = ctx;
    const char *server = client_http_server(h->http);

    if (h->status == 0)
        client_asking_lost(&h->why, server, reason != NULL ? reason : "no answer came");
    else if (h->status != 200)
        client_asking_refused(&h->why, server, h->status, &h->page);
    else if (!buf_ok(&h->page))
        studio_error_set(&h->why, STUDIO_ERR_NO_MEMORY, NULL);
    else if (h->page.len == 0 || !json_each_element(h->page.data, "events", tell, h))
        client_asking_lost(&h->why, server, "the answer is cut short");
    if (h->why.code == STUDIO_OK && !h->stopped && h->next != NULL) {
        if (turn_the_page(h)) {
            ask(h);
            return;
        }
        studio_error_set(&h->why, STUDIO_ERR_NO_MEMORY, NULL);
    }
    if (h->why.code == STUDIO_OK)
        client_http_leave(h->http);
    else
        failed(h);
}

static void woken(void *ctx)
{
    struct history *h = ctx;

    if (h->begun)
        return;
    h->begun = true;
    ask(h);
}

static void timer(void *ctx)
{
    struct history *h = ctx;

    if (h->waiting) {
        ask(h);
        return;
    }
    client_http_drop(h->http);
    h->status = 0;
    studio_error_set(&h->why, STUDIO_ERR_TIMEOUT, ": %s did not answer in time",
                     client_http_server(h->http));
    failed(h);
}

static const struct client_http_ops ops = {answered, body, ended, woken, timer};

static void add_number(struct buf *path, const char *name, uint64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, n);
    client_asking_add(path, name, n > 0 ? text : NULL);
}

static void print_path(struct buf *path, const struct studio_client_history_query *q,
                       const char *table_id)
{
    uint64_t page = q->limit > 0 && q->limit < PAGE_EVENTS ? q->limit : PAGE_EVENTS;

    buf_str(path, "/tables/");
    buf_str(path, table_id);
    buf_str(path, "/history");
    add_number(path, "from_rev", q->from_rev);
    add_number(path, "to_rev", q->to_rev);
    client_asking_add(path, "since", q->since);
    client_asking_add(path, "until", q->until);
    client_asking_add(path, "order", q->newest_first ? "desc" : "asc");
    client_asking_add(path, "kinds", q->kinds);
    add_number(path, "limit", page);
}

enum studio_err studio_client_history(const struct studio_client_options *options,
                                      const struct studio_client_history_query *query,
                                      studio_client_event_fn *fn, void *ctx,
                                      struct studio_error *error)
{
    const char *table_id = query->table_id != NULL     ? query->table_id
                           : options->table_id != NULL ? options->table_id
                                                       : "ARO-001";
    struct history h = {.fn = fn,
                        .ctx = ctx,
                        .left = query->limit,
                        .bounded = query->limit > 0,
                        .timeout_ms = client_timeout_ms(options)};
    enum studio_err err;

    if (!name_is_table(table_id, strlen(table_id)))
        return client_error_usage(error, "'%.80s' is no table id, as in ARO-001", table_id);
    buf_init(&h.page, PAGE_BYTES_MAX);
    buf_init(&h.path, SIZE_MAX);
    print_path(&h.path, query, table_id);
    err = client_http_create(options, &ops, &h, &h.http, error);
    if (err == STUDIO_OK && !buf_ok(&h.path))
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    if (err == STUDIO_OK) {
        client_http_run(h.http);
        err = h.why.code;
        if (error != NULL)
            *error = h.why;
    }
    client_http_destroy(h.http);
    buf_finish(&h.page);
    buf_finish(&h.path);
    free(h.next);
    return err;
}
