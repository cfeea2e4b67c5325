/* test_report.c - when and what the service manager is told while the agent serves. */
#include "report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/figures.h"
#include "service.h"
#include "support/cmocka_all.h"
#include "support/manager.h"

enum { WATCHDOG_MS = 40000, EVERY_MS = WATCHDOG_MS / 4 };

static struct manager *manager;
static struct service service;
static struct figures figures;
static struct report report;

static int setup(void **state)
{
    (void)state;
    manager = manager_create(MANAGER_PATH);
    setenv("NOTIFY_SOCKET", manager_address(manager), 1);
    setenv("WATCHDOG_USEC", "40000000", 1);
    service_init(&service);
    memset(&figures, 0, sizeof(figures));
    figure_set(&figures.store_writable, 1);
    report = (struct report){.service = &service, .figures = &figures};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(service.fd);
    manager_destroy(manager);
    return 0;
}

/* The store's thread has just gone round. */
static void tick(int64_t now_ms)
{
    report_tick(&report, now_ms, now_ms);
}

/* What was told last is followed by nothing: proved by what is told next. */
static void told_nothing(void)
{
    report_stop(&report);
    assert_string_equal(manager_hear(manager), "STOPPING=1\nSTATUS=stopping");
}

static void nobody_is_told(void **state)
{
    (void)state;
    report.service = NULL;
    tick(1000);
    report.service = &service;
    told_nothing();
}

static void ready_comes_first_and_once(void **state)
{
    (void)state;
    tick(1000);
    assert_string_equal(manager_hear(manager), "READY=1\nWATCHDOG=1\n"
                                               "STATUS=0 tables, 0 connections, "
                                               "no broker configured\n");
    tick(1100);
    told_nothing();
}

static void signs_of_life_come_four_times_in_its_patience(void **state)
{
    (void)state;
    tick(1000);
    (void)manager_hear(manager);
    tick(1000 + EVERY_MS - 1);
    tick(1000 + EVERY_MS);
    assert_string_equal(manager_hear(manager), "WATCHDOG=1\n");
    told_nothing();
}

static void none_come_while_the_store_stands_still(void **state)
{
    (void)state;
    tick(1000);
    (void)manager_hear(manager);
    report_tick(&report, 1000 + STORE_PATIENCE_MS, 1000);
    assert_string_equal(manager_hear(manager), "WATCHDOG=1\n");
    report_tick(&report, 1000 + STORE_PATIENCE_MS + EVERY_MS, 1000);
    report_tick(&report, 1000 + 2 * STORE_PATIENCE_MS, 1000);
    tick(2000 + 2 * STORE_PATIENCE_MS);
    assert_string_equal(manager_hear(manager), "WATCHDOG=1\n");
    told_nothing();
}

static void the_words_are_renewed_now_and_then(void **state)
{
    (void)state;
    service.watchdog_ms = 0;
    tick(1000);
    assert_null(strstr(manager_hear(manager), "WATCHDOG"));
    figure_set(&figures.tables, 12);
    figure_set(&figures.connections[0], 30);
    figure_set(&figures.connections[1], 4);
    figure_set(&figures.mirror, 1);
    figure_set(&figures.broker, 1);
    figure_set(&figures.seq, 100);
    figure_set(&figures.acked_seq, 93);
    tick(1000 + REPORT_WORDS_MS - 1);
    tick(1000 + REPORT_WORDS_MS);
    assert_string_equal(manager_hear(manager), "STATUS=12 tables, 34 connections, broker "
                                               "connected, 7 events wait for it\n");
    tick(1000 + 2 * REPORT_WORDS_MS);
    figure_set(&figures.broker, 0);
    figure_set(&figures.store_writable, 0);
    tick(1000 + 3 * REPORT_WORDS_MS);
    assert_string_equal(manager_hear(manager),
                        "STATUS=12 tables, 34 connections, broker not reached, 7 events wait for "
                        "it; the store cannot write, updates are refused\n");
    told_nothing();
}

static void a_standby_says_who_has_the_tables(void **state)
{
    (void)state;
    service.watchdog_ms = 0;
    report.standby = "Standby: a has the tables";
    tick(1000);
    assert_string_equal(manager_hear(manager), "READY=1\nSTATUS=Standby: a has the tables\n");
    told_nothing();
}

static void what_was_not_taken_is_told_again(void **state)
{
    (void)state;
    while (service_tell(&service, "full", false))
        ;
    tick(1000);
    assert_false(report.ready);
    assert_string_equal(manager_hear(manager), "full");
    tick(1100);
    assert_true(report.ready);
    assert_non_null(strstr(manager_until(manager, "READY=1"), "WATCHDOG=1\nSTATUS="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(ready_comes_first_and_once, setup, teardown),
        cmocka_unit_test_setup_teardown(signs_of_life_come_four_times_in_its_patience, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(none_come_while_the_store_stands_still, setup, teardown),
        cmocka_unit_test_setup_teardown(the_words_are_renewed_now_and_then, setup, teardown),
        cmocka_unit_test_setup_teardown(a_standby_says_who_has_the_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_taken_is_told_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
