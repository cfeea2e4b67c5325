/* core_fixture.h - a core on a real store with a clock that stands still, and actors that write
 * down what they are told. Lookups come back with the next core_settle. The committer is the
 * test's: fake_committer.h, or a real one. */
#ifndef TESTS_SUPPORT_CORE_FIXTURE_H
#define TESTS_SUPPORT_CORE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/figures.h"
#include "core/core.h"
#include "core/inside.h"
#include "store/store.h"
#include "studio/status.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/fake_clock.h"
#include "support/fake_lookup.h"
#include "support/tmpdir.h"

struct core_fixture {
    struct fake_clock clock;
    const char *dir;
    struct store *store;
    struct store_reader *reader;
    struct lookup lookup;        /* on that reader */
    struct core_options options; /* for the next core_fixture_start */
    struct figures figures;
    struct core *core;
};

/* Opens the store and sets defaults; change `options`, then start. */
static inline void core_fixture_open(struct core_fixture *f, bool mirror)
{
    struct studio_error error = {0};

    memset(f, 0, sizeof(*f));
    fake_clock_init(&f->clock);
    f->dir = tmpdir_create();
    struct store_options options = {.dir = f->dir, .host_name = "edge-1", .mirror = mirror};
    if (store_open(&options, &f->store, &error) != STUDIO_OK ||
        store_reader_open(f->store, &f->reader, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    f->lookup = (struct lookup){.reader = f->reader};
    f->options = (struct core_options){
        .lists = &studio_built_in_values,
        .figures = &f->figures,
        .clock = &f->clock.clock,
        .lookup = &f->lookup,
        .last_seq = store_info(f->store)->last_seq,
        .mirror = mirror,
        .max_backlog = 1000,
        .max_tables = 1000,
        .create_tables = false,
    };
}

static inline void core_fixture_start(struct core_fixture *f, struct committer *committer)
{
    f->core = core_create(&f->options);
    assert_non_null(f->core);
    core_set_committer(f->core, committer);
    assert_true(core_announce(f->core));
}

/* The committer is gone by now. */
static inline void core_fixture_close(struct core_fixture *f)
{
    core_destroy(f->core);
    store_reader_close(f->reader);
    store_close(f->store);
}

/* --- actors ---------------------------------------------------------------------------------- */

enum { FAKE_ACTOR_LOG_MAX = 512 };

/* On the test's stack; its log holds one line for each call. */
struct fake_actor {
    struct actor actor; /* first */
    struct watcher watcher;
    struct bucket bucket;
    char *log[FAKE_ACTOR_LOG_MAX]; /* an answer as it is; "welcome {...}", "refuse N", "push" */
    size_t count, read;
    bool joining; /* the next answer is that to joining */
    bool released;
};

static inline void fake_actor_note(struct fake_actor *a, char *line)
{
    assert_true(a->count < FAKE_ACTOR_LOG_MAX);
    a->log[a->count++] = line;
}

/* An answer tells its error in the code as in the text. */
static inline void fake_actor_on_answer(struct actor *actor, enum studio_err err, const char *text,
                                        size_t len)
{
    struct fake_actor *a = (struct fake_actor *)actor;

    assert_int_equal(err != STUDIO_OK, len > 9 && memcmp(text, "{\"error\":", 9) == 0);
    if (a->joining && err != STUDIO_OK)
        fake_actor_note(a, test_printf("refuse %s", studio_err_text(err)));
    else
        fake_actor_note(a, test_printf("%s%.*s", a->joining ? "welcome " : "", text ? (int)len : 7,
                                       text ? text : "silence"));
    a->joining = false;
}

static inline void fake_actor_on_release(struct actor *actor)
{
    ((struct fake_actor *)actor)->released = true;
}

/* Only the first of a row: what is pending is conflated anyway. */
static inline void fake_actor_on_push(struct watcher *watcher)
{
    struct fake_actor *a =
        (struct fake_actor *)(void *)((char *)watcher - offsetof(struct fake_actor, watcher));

    if (a->count == 0 || strcmp(a->log[a->count - 1], "push") != 0)
        fake_actor_note(a, test_printf("push"));
}

static inline void fake_actor_init(struct fake_actor *a, enum studio_via via, enum role role,
                                   const char *table_id, const char *user_id)
{
    static const struct actor_ops ops = {fake_actor_on_answer, fake_actor_on_release};

    memset(a, 0, sizeof(*a));
    a->actor.ops = &ops;
    a->actor.via = via;
    a->actor.role = role;
    a->actor.refs = 1;
    snprintf(a->actor.table_id, sizeof(a->actor.table_id), "%s", table_id);
    snprintf(a->actor.user_id, sizeof(a->actor.user_id), "%s", user_id);
    a->actor.bucket = &a->bucket;
    if (via == VIA_WEBSOCKET)
        a->actor.watcher = &a->watcher;
    a->watcher.want_write = fake_actor_on_push;
}

static inline void fake_actor_finish(struct core_fixture *f, struct fake_actor *a)
{
    core_leave(f->core, &a->actor);
    a->actor.gone = true;
    actor_unref(&a->actor);
    for (size_t i = 0; i < a->count; i++)
        free(a->log[i]);
    a->count = a->read = 0;
}

/* The next line of the log, "" when there is none. */
static inline const char *fake_actor_next(struct fake_actor *a)
{
    return a->read < a->count ? a->log[a->read++] : "";
}

#define expect(a, text)       assert_string_equal(fake_actor_next(a), text)
#define expect_nothing(a)     assert_string_equal(fake_actor_next(a), "")
#define expect_prefix(a, pre) assert_memory_equal(fake_actor_next(a), pre, sizeof(pre) - 1)

/* What would be written to the reader next, "" for nothing; free(). */
static inline char *fake_actor_pushed(struct core_fixture *f, struct fake_actor *a)
{
    struct push push;
    char *text;

    if (!hub_next(core_hub(f->core), &a->watcher, &push))
        return test_printf("%s", "");
    if (push.status)
        text = test_printf("%.*s", (int)push.status->push_len, push.status->push);
    else if (push.frame)
        text = test_printf("%.*s", (int)push.frame->len, push.frame->data);
    else
        text = test_printf("missed %llu", (unsigned long long)push.missed);
    studio_snapshot_unref(push.status);
    frame_unref(push.frame);
    return text;
}

static inline void join(struct core_fixture *f, struct fake_actor *a)
{
    a->joining = true;
    core_join(f->core, &a->actor);
}

static inline void part(struct core_fixture *f, struct fake_actor *a)
{
    core_leave(f->core, &a->actor);
}

static inline void say(struct core_fixture *f, struct fake_actor *a, const char *text)
{
    core_message(f->core, &a->actor, text, strlen(text));
}

static inline void command(struct core_fixture *f, struct fake_actor *a, const char *text)
{
    core_command(f->core, &a->actor, NULL, text, strlen(text));
}

#endif
