#include "bridge/link_watch.h"

#include <string.h>

#include "support/cmocka_all.h"

#define OWN   "studio/agent/a/availability"
#define SAID  "{\"state\":\"online\"}"
#define TO_US "studio/agent/a/echo/"

static struct link_event event;

static bool hear(const char *topic, const char *payload)
{
    memset(&event, 0xff, sizeof(event));
    return watch_heard(topic, payload, strlen(payload), &event);
}

/* In the order of a connection's life: there is one in a process. */
static void who_writes_to_a_watched_topic_is_told_apart(void **state)
{
    (void)state;
    assert_false(hear(OWN, "x")); /* nothing is watched yet */
    watch_begin(LINK_WATCH_OWN, OWN, SAID);
    watch_begin(LINK_WATCH_OWN, "another", "later");

    assert_false(hear(OWN, SAID));
    assert_true(hear(OWN, "{}"));
    assert_int_equal(event.kind, LINK_HEARD);
    assert_false(event.same);
    assert_false(event.wiped);
    assert_true(hear(OWN, ""));
    assert_true(event.wiped);

    watch_begin(LINK_WATCH_WIPED, "studio/#", NULL);
    assert_false(hear("studio/table/t/status", "{}"));
    assert_true(hear("studio/table/t/status", ""));
    assert_int_equal(event.kind, LINK_HEARD);
    assert_true(event.wiped);
    assert_true(event.same);
}

static void a_message_to_ourselves_is_an_echo(void **state)
{
    (void)state;
    assert_false(hear("elsewhere", TO_US "1"));
    watch_begin(LINK_WATCH_ECHO, TO_US "#", NULL);

    assert_true(hear(TO_US "1", TO_US "1"));
    assert_int_equal(event.kind, LINK_ECHO);
    assert_true(event.same);
    assert_true(hear("elsewhere", TO_US "1"));
    assert_int_equal(event.kind, LINK_ECHO);
    assert_false(event.same);
    assert_false(hear("elsewhere", TO_US)); /* no topic below it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_writes_to_a_watched_topic_is_told_apart),
        cmocka_unit_test(a_message_to_ourselves_is_an_echo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
