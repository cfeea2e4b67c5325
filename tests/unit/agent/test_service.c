/* test_service.c - what a service manager's environment says, and what it is told. */
#include "service.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/manager.h"

static const char *const variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
        unsetenv(variables[i]);
    return 0;
}

static void nobody_started_us(void **state)
{
    struct service service;

    (void)state;
    service_init(&service);
    assert_int_equal(service.fd, -1);
    assert_int_equal(service.watchdog_ms, 0);
    assert_true(service_tell(&service, "READY=1", true));
    assert_true(service_tell(NULL, "READY=1", true));
}

static void hears_of_it(enum manager_kind kind)
{
    struct manager *manager = manager_create(kind);
    struct service service;

    setenv("NOTIFY_SOCKET", manager_address(manager), 1);
    setenv("WATCHDOG_USEC", "30000000", 1);
    service_init(&service);
    assert_int_equal(service.watchdog_ms, 30000);
    assert_true(service_tell(&service, "READY=1\nSTATUS=well", false));
    assert_string_equal(manager_hear(manager), "READY=1\nSTATUS=well");
    service_reloading(&service);
    assert_non_null(strstr(manager_hear(manager), "RELOADING=1\nMONOTONIC_USEC="));
    service_reloaded(&service);
    assert_string_equal(manager_hear(manager), "READY=1");
    close(service.fd);
    manager_destroy(manager);
}

static void at_a_path(void **state)
{
    (void)state;
    hears_of_it(MANAGER_PATH);
}

static void at_an_abstract_name(void **state)
{
    (void)state;
    hears_of_it(MANAGER_ABSTRACT);
}

static void a_full_socket_keeps_nobody(void **state)
{
    struct manager *manager = manager_create(MANAGER_PATH);
    struct service service;
    int told = 0;

    (void)state;
    setenv("NOTIFY_SOCKET", manager_address(manager), 1);
    service_init(&service);
    while (service_tell(&service, "WATCHDOG=1", false))
        told++;
    assert_true(told > 0);
    assert_string_equal(manager_hear(manager), "WATCHDOG=1");
    assert_true(service_tell(&service, "WATCHDOG=1", false));
    close(service.fd);
    manager_destroy(manager);
}

static void what_is_meant_for_another_is_not_ours(void **state)
{
    struct manager *manager = manager_create(MANAGER_PATH);
    struct service service;

    (void)state;
    setenv("NOTIFY_SOCKET", manager_address(manager), 1);
    setenv("WATCHDOG_USEC", "30000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    service_init(&service);
    assert_int_equal(service.watchdog_ms, 0);
    close(service.fd);
    manager_destroy(manager);
}

static void an_address_it_cannot_be_told_at(void **state)
{
    static const char *const addresses[] = {"", "/", "@", "studio", "vsock:2:1234"};
    struct service service;

    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
        setenv("NOTIFY_SOCKET", addresses[i], 1);
        service_init(&service);
        assert_int_equal(service.fd, -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nobody_started_us, setup),
        cmocka_unit_test_setup(at_a_path, setup),
        cmocka_unit_test_setup(at_an_abstract_name, setup),
        cmocka_unit_test_setup(a_full_socket_keeps_nobody, setup),
        cmocka_unit_test_setup(what_is_meant_for_another_is_not_ours, setup),
        cmocka_unit_test_setup(an_address_it_cannot_be_told_at, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
