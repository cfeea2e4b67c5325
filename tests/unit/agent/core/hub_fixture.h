/* hub_fixture.h - a hub with readers, and what they are told next. One source of a program includes it. */
#ifndef TESTS_UNIT_AGENT_CORE_HUB_FIXTURE_H
#define TESTS_UNIT_AGENT_CORE_HUB_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "core/hub.h"
#include "protocol/document.h"
#include "support/cmocka_all.h"

static struct hub *hub;

struct reader {
    struct watcher watcher;
    unsigned wakes;
};

static inline void on_push(struct watcher *w)
{
    ((struct reader *)w)->wakes++;
}

static inline int setup(void **state)
{
    (void)state;
    hub = hub_create();
    return hub ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    hub_destroy(hub);
    return 0;
}

static inline struct reader reader(void)
{
    return (struct reader){.watcher = {.want_write = on_push}};
}

#define subscribe(r, ...)                                                                          \
    hub_subscribe(hub, &(r)->watcher, (const char *const[]){__VA_ARGS__},                          \
                  sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
#define unsubscribe(r, ...)                                                                        \
    hub_unsubscribe(hub, &(r)->watcher, (const char *const[]){__VA_ARGS__},                        \
                    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static inline void publish(const char *table_id, uint64_t rev)
{
    struct table_state state;
    struct studio_snapshot *snapshot;
    struct buf text;

    state_init(&state, &studio_built_in_values, 0);
    state.rev = rev;
    buf_init(&text, SIZE_MAX);
    snapshot = document_snapshot(&text, table_id, &state, false);
    buf_finish(&text);
    assert_true(hub_publish(hub, snapshot));
    studio_snapshot_unref(snapshot);
}

static inline void remove_table(const char *table_id, uint64_t rev)
{
    struct table_state state = {.rev = rev};
    struct studio_snapshot *snapshot = studio_snapshot_create(table_id, &state, NULL);

    assert_true(hub_publish(hub, snapshot));
    studio_snapshot_unref(snapshot);
}

static inline void except(const char *table_id, const char *text)
{
    struct frame *frame = frame_create(text, strlen(text));

    hub_exception(hub, table_id, frame);
    frame_unref(frame);
}

/* "ARO-001 5" for a document, an exception's text, "missed 3", "" for nothing. */
static inline void expect_next(struct reader *r, const char *expected)
{
    struct push push;
    char text[128] = "";

    assert_int_equal(hub_waiting(&r->watcher), expected[0] != '\0');
    if (hub_next(hub, &r->watcher, &push)) {
        assert_int_equal(!!push.status + !!push.frame + (push.missed > 0), 1);
        if (push.status)
            snprintf(text, sizeof(text), "%s %llu", push.status->table_id,
                     (unsigned long long)push.status->rev);
        else if (push.frame)
            snprintf(text, sizeof(text), "%.*s", (int)push.frame->len, push.frame->data);
        else
            snprintf(text, sizeof(text), "missed %llu", (unsigned long long)push.missed);
        studio_snapshot_unref(push.status);
        frame_unref(push.frame);
    }
    assert_string_equal(text, expected);
}

static inline void expect_answer(struct reader *r, const char *expected)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    hub_answer(&r->watcher, "subscribed", NULL, &out);
    assert_true(buf_ok(&out));
    assert_string_equal(out.data, expected);
    buf_finish(&out);
}

#endif
