#include "core/rights.h"

#include <string.h>

#include "support/cmocka_all.h"

/* The table of section 6 from outside: who, over what, to which table. */

static struct actor actor_of(enum studio_via via, enum role role)
{
    struct actor actor = {.via = via, .role = role};

    memcpy(actor.table_id, "OWN", sizeof("OWN"));
    return actor;
}

static enum studio_err check(enum studio_via via, enum role role, enum message_kind kind,
                             const char *table)
{
    struct actor actor = actor_of(via, role);
    struct message message = {.kind = kind};
    struct studio_error error;
    char *name = (char *)(uintptr_t)table;
    enum studio_err err;

    if (kind == MESSAGE_SUBSCRIBE || kind == MESSAGE_UNSUBSCRIBE) {
        message.tables = &name;
        message.table_count = 1;
    } else {
        message.table_id = name;
    }
    err = rights_check(&actor, &message, &error);
    if (err != STUDIO_OK)
        assert_int_equal(error.code, err);
    return err;
}

/* Of its own table and of another: "y-" and so on. */
static void expect_rights(enum studio_via via, enum role role, enum message_kind kind,
                          const char *expected)
{
    char found[3];

    found[0] = check(via, role, kind, "OWN") == STUDIO_OK ? 'y' : '-';
    found[1] = check(via, role, kind, "OTHER") == STUDIO_OK ? 'y' : '-';
    found[2] = '\0';
    if (strcmp(found, expected) != 0)
        fail_msg("via %d role %d message %d: %s, not %s", (int)via, (int)role, (int)kind, found,
                 expected);
}

static void a_device_changes_and_watches_its_own_table(void **state)
{
    (void)state;
    for (int http = 0; http < 2; http++) {
        enum studio_via via = http ? VIA_HTTP : VIA_WEBSOCKET;
        expect_rights(via, ROLE_DEVICE, MESSAGE_UPDATE, "y-");
        expect_rights(via, ROLE_DEVICE, MESSAGE_EXCEPTION, "y-");
        expect_rights(via, ROLE_DEVICE, MESSAGE_GET, "y-");
        expect_rights(via, ROLE_DEVICE, MESSAGE_REMOVE_TABLE, "--");
    }
    expect_rights(VIA_WEBSOCKET, ROLE_DEVICE, MESSAGE_SUBSCRIBE, "y-");
    assert_int_equal(check(VIA_WEBSOCKET, ROLE_DEVICE, MESSAGE_SUBSCRIBE, "*"),
                     STUDIO_ERR_NOT_PERMITTED);
    assert_int_equal(check(VIA_WEBSOCKET, ROLE_DEVICE, MESSAGE_UPDATE, NULL), STUDIO_OK);
}

static void a_viewer_watches_any_and_changes_none(void **state)
{
    (void)state;
    expect_rights(VIA_WEBSOCKET, ROLE_VIEWER, MESSAGE_UPDATE, "--");
    expect_rights(VIA_WEBSOCKET, ROLE_VIEWER, MESSAGE_EXCEPTION, "--");
    expect_rights(VIA_WEBSOCKET, ROLE_VIEWER, MESSAGE_GET, "yy");
    expect_rights(VIA_WEBSOCKET, ROLE_VIEWER, MESSAGE_SUBSCRIBE, "yy");
    expect_rights(VIA_WEBSOCKET, ROLE_VIEWER, MESSAGE_REMOVE_TABLE, "--");
    assert_int_equal(check(VIA_WEBSOCKET, ROLE_VIEWER, MESSAGE_UPDATE, NULL),
                     STUDIO_ERR_NOT_PERMITTED);
}

static void an_operator_may_all_of_any(void **state)
{
    (void)state;
    for (int kind = MESSAGE_UPDATE; kind < MESSAGE_AUTH; kind++)
        expect_rights(VIA_WEBSOCKET, ROLE_OPERATOR, (enum message_kind)kind, "yy");
}

/* Roles mean nothing there: the broker's access list has let it through. */
static void a_command_changes_the_table_of_its_topic(void **state)
{
    (void)state;
    for (int role = ROLE_DEVICE; role <= ROLE_OPERATOR; role++) {
        expect_rights(VIA_MQTT, (enum role)role, MESSAGE_UPDATE, "y-");
        expect_rights(VIA_MQTT, (enum role)role, MESSAGE_EXCEPTION, "y-");
        for (int kind = MESSAGE_SUBSCRIBE; kind < MESSAGE_AUTH; kind++)
            expect_rights(VIA_MQTT, (enum role)role, (enum message_kind)kind, "--");
    }
}

static void credentials_come_once_and_only_on_websocket(void **state)
{
    (void)state;
    assert_int_equal(check(VIA_WEBSOCKET, ROLE_DEVICE, MESSAGE_AUTH, NULL),
                     STUDIO_ERR_ALREADY_AUTHENTICATED);
    assert_int_equal(check(VIA_MQTT, ROLE_DEVICE, MESSAGE_AUTH, NULL),
                     STUDIO_ERR_INVALID_FIELD_NAME);
    assert_int_equal(check(VIA_HTTP, ROLE_OPERATOR, MESSAGE_AUTH, NULL),
                     STUDIO_ERR_INVALID_FIELD_NAME);
}

static void only_connected_devices_and_commands_make_tables(void **state)
{
    (void)state;
    for (int role = ROLE_DEVICE; role <= ROLE_OPERATOR; role++) {
        struct actor ws = actor_of(VIA_WEBSOCKET, (enum role)role);
        struct actor http = actor_of(VIA_HTTP, (enum role)role);
        struct actor mqtt = actor_of(VIA_MQTT, (enum role)role);
        assert_int_equal(rights_to_create(&ws), role == ROLE_DEVICE);
        assert_int_equal(rights_to_be_seen(&ws), role == ROLE_DEVICE);
        assert_false(rights_to_create(&http));
        assert_false(rights_to_be_seen(&http));
        assert_true(rights_to_create(&mqtt));
        assert_false(rights_to_be_seen(&mqtt));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_changes_and_watches_its_own_table),
        cmocka_unit_test(a_viewer_watches_any_and_changes_none),
        cmocka_unit_test(an_operator_may_all_of_any),
        cmocka_unit_test(a_command_changes_the_table_of_its_topic),
        cmocka_unit_test(credentials_come_once_and_only_on_websocket),
        cmocka_unit_test(only_connected_devices_and_commands_make_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
