#include <string.h>

#include "support/cmocka_all.h"
#include "support/core_fixture.h"
#include "support/fake_bridge.h"
#include "support/fake_committer.h"

#include "support/oom.h"

/* What an update costs the net thread: allocations from its bytes to its answer, its pushes and the
 * bridge. */

enum { UPDATE_MAX = 12, UPDATES = 200 };

static struct core_fixture f;
static struct committer committer;
static struct bridge bridge = {.silent = true};

/* A connection that counts its answers. */
struct connection {
    struct actor actor;
    struct watcher watcher;
    unsigned answers;
};

static void on_answer(struct actor *actor, enum studio_err err, const char *text, size_t len)
{
    (void)text;
    (void)len;
    assert_int_equal(err, STUDIO_OK);
    ((struct connection *)actor)->answers++;
}

static void on_release(struct actor *actor)
{
    (void)actor;
}

static void on_push(struct watcher *watcher)
{
    (void)watcher;
}

static const struct actor_ops ops = {on_answer, on_release};

static unsigned long send(struct connection *c, const char *text)
{
    unsigned long before = oom_counted();

    core_message(f.core, &c->actor, text, strlen(text));
    core_end_turn(f.core);
    unsigned long staged = oom_counted() - before;
    assert_true(fake_committer_finish(&committer, STUDIO_OK)); /* the store's are its own */
    before = oom_counted();
    assert_true(core_settle(f.core));
    return staged + oom_counted() - before;
}

static void an_update_takes_few_allocations(void **state)
{
    struct connection c = {
        .actor = {.ops = &ops, .via = VIA_WEBSOCKET, .role = ROLE_DEVICE, .refs = 1}};
    unsigned long most = 0;

    (void)state;
    if (!OOM_POSSIBLE)
        skip();
    core_fixture_open(&f, false);
    committer = (struct committer){.store = f.store};
    core_fixture_start(&f, &committer);
    core_set_bridge(f.core, &bridge);
    memcpy(c.actor.table_id, "ARO-001", sizeof("ARO-001"));
    memcpy(c.actor.user_id, "ARO-001_pc", sizeof("ARO-001_pc"));
    c.actor.watcher = &c.watcher;
    c.watcher.want_write = on_push;
    core_join(f.core, &c.actor);
    fake_committer_settle(&f, &committer);
    assert_true(core_subscribe(f.core, &c.actor, "ARO-001"));
    send(&c, "{\"sdp\":\"up\"}"); /* what grows once */
    send(&c, "{\"sdp\":\"down\"}");
    for (int i = 0; i < UPDATES; i++) {
        unsigned long n = send(&c, i % 2 ? "{\"sdp\":\"up\"}" : "{\"sdp\":\"down\"}");
        most = n > most ? n : most;
    }
    print_message("an update takes %lu allocations\n", most);
    assert_in_range(most, 1, UPDATE_MAX);
    assert_int_equal(c.answers, UPDATES + 3); /* joining, two first ones */
    core_leave(f.core, &c.actor);
    core_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_update_takes_few_allocations)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
