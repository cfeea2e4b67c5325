/* test_hub_exceptions.c - exceptions are told to all who watch, in order, each once. */
#include "core/hub.h"

#include <stdio.h>

#include "support/cmocka_all.h"
#include "unit/agent/core/hub_fixture.h"

static void exceptions_go_in_order_before_documents(void **state)
{
    struct reader r = reader(), all = reader(), both = reader();

    (void)state;
    assert_int_equal(subscribe(&r, "ARO-001"), STUDIO_OK);
    assert_int_equal(subscribe(&all, "*"), STUDIO_OK);
    assert_int_equal(subscribe(&both, "*", "ARO-001"), STUDIO_OK);
    publish("ARO-001", 1);
    except("ARO-001", "first");
    except("ARO-001", "second");
    except("ARO-002", "other");
    expect_next(&r, "first");
    expect_next(&r, "second");
    expect_next(&r, "ARO-001 1");
    expect_next(&r, "");
    expect_next(&all, "first");
    expect_next(&all, "second");
    expect_next(&all, "other");
    expect_next(&both, "first");
    expect_next(&both, "second");
    expect_next(&both, "other");
    expect_next(&both, "ARO-001 1");
    expect_next(&both, "");
    hub_leave(hub, &r.watcher);
    hub_leave(hub, &all.watcher);
    hub_leave(hub, &both.watcher);
}

static void sixty_four_wait_and_the_oldest_go(void **state)
{
    struct reader r = reader();
    char text[16];

    (void)state;
    assert_int_equal(subscribe(&r, "ARO-001"), STUDIO_OK);
    for (int i = 0; i < 3; i++)
        except("ARO-001", "early");
    for (int i = 0; i < 3; i++)
        expect_next(&r, "early"); /* so that the ring wraps */
    for (int i = 0; i < HUB_EXCEPTIONS_MAX + 5; i++) {
        snprintf(text, sizeof(text), "e%d", i);
        except("ARO-001", text);
    }
    expect_next(&r, "missed 5");
    for (int i = 5; i < HUB_EXCEPTIONS_MAX + 5; i++) {
        snprintf(text, sizeof(text), "e%d", i);
        expect_next(&r, text);
    }
    expect_next(&r, "");
    hub_exception(hub, "ARO-001", NULL);
    expect_next(&r, "missed 1");
    except("ARO-001", "left behind");
    hub_leave(hub, &r.watcher);
}

/* Both the table's and the star's: an exception comes once. */
static void an_exception_comes_once_to_who_watches_twice(void **state)
{
    struct reader r = reader(), star = reader();

    (void)state;
    assert_int_equal(subscribe(&r, "ARO-001", "*"), STUDIO_OK);
    assert_int_equal(subscribe(&star, "*"), STUDIO_OK);
    except("ARO-001", "one");
    except("ARO-002", "two");
    expect_next(&r, "one");
    expect_next(&r, "two");
    expect_next(&r, "");
    expect_next(&star, "one");
    expect_next(&star, "two");
    expect_next(&star, "");
    hub_leave(hub, &r.watcher);
    hub_leave(hub, &star.watcher);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(exceptions_go_in_order_before_documents),
        TEST(sixty_four_wait_and_the_oldest_go),
        TEST(an_exception_comes_once_to_who_watches_twice),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
