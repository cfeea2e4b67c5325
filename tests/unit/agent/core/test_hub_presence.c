/* test_hub_presence.c - whether devices are connected: told to those who asked, with the documents. */
#include <string.h>

#include "core/hub.h"
#include "protocol/document.h"
#include "studio/status.h"
#include "support/cmocka_all.h"

static struct hub *hub;

static void on_push(struct watcher *w)
{
    (void)w;
}

static int setup(void **state)
{
    (void)state;
    hub = hub_create();
    return hub ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    hub_destroy(hub);
    return 0;
}

static void publish(const char *table_id)
{
    struct table_state state;
    struct studio_snapshot *snapshot;
    struct buf text;

    state_init(&state, &studio_built_in_values, 0);
    buf_init(&text, SIZE_MAX);
    snapshot = document_snapshot(&text, table_id, &state, false);
    buf_finish(&text);
    assert_true(hub_publish(hub, snapshot));
    studio_snapshot_unref(snapshot);
}

static struct watcher watch(bool presence)
{
    return (struct watcher){.want_write = on_push, .presence = presence};
}

/* The next push ends like this; NULL: there is none. */
static void expect_end(struct watcher *w, const char *end)
{
    struct push push;

    assert_int_equal(hub_next(hub, w, &push), end != NULL);
    if (!end)
        return;
    const char *text = push.status ? push.status->push : push.frame->data;
    size_t len = push.status ? push.status->push_len : push.frame->len;
    assert_memory_equal(text + len - strlen(end), end, strlen(end));
    studio_snapshot_unref(push.status);
    frame_unref(push.frame);
}

static void presence_is_told_to_those_who_asked(void **state)
{
    struct watcher asked = watch(true), all = watch(true), plain = watch(false);

    (void)state;
    publish("ARO-001");
    assert_int_equal(hub_subscribe(hub, &asked, (const char *[]){"ARO-001"}, 1), STUDIO_OK);
    assert_int_equal(hub_subscribe(hub, &all, (const char *[]){"*"}, 1), STUDIO_OK);
    assert_int_equal(hub_subscribe(hub, &plain, (const char *[]){"ARO-001"}, 1), STUDIO_OK);
    expect_end(&asked, "\"},\"online\":false}");
    expect_end(&plain, "\"}}");
    hub_presence(hub, "ARO-001", true);
    hub_presence(hub, "ARO-001", true);
    expect_end(&plain, NULL);
    expect_end(&asked, "\"},\"online\":true}");
    expect_end(&asked, NULL);
    /* One document of each table waits, whatever has changed. */
    hub_presence(hub, "ARO-001", false);
    publish("ARO-001");
    expect_end(&all, "\"},\"online\":false}");
    expect_end(&all, NULL);
    expect_end(&plain, "\"}}");
    hub_presence(hub, "ARO-009", true);
    expect_end(&all, NULL);
    hub_leave(hub, &asked);
    hub_leave(hub, &all);
    hub_leave(hub, &plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(presence_is_told_to_those_who_asked, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
