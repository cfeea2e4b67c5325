/* test_announce.c - what the agent says of itself, to the letter. */
#include "base/figures.h"
#include "bridge/announce.h"
#include "studio/status.h"

#include <string.h>

#include "support/cmocka_all.h"

static struct buf out;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, 65536);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_finish(&out);
    return 0;
}

static void availability_names_the_connection(void **state)
{
    const struct announce_presence presence = {
        .epoch = "6f1c", .boot = 41, .conn = 7, .since_ms = 1767323045678};

    (void)state;
    announce_availability(&out, "online", &presence);
    assert_string_equal(out.data, "{\"state\":\"online\",\"epoch\":\"6f1c\",\"boot\":41,\"conn\":7,"
                                  "\"since\":\"2026-01-02T03:04:05.678Z\"}");
}

static void health_tells_all(void **state)
{
    const struct figures agent = {
        .seq = 120,
        .tables = 3,
        .connections = {1, 0, 1},
        .subscribers = 1,
        .updates = {90, 8, 1},
        .refused = {[STUDIO_ERR_INVALID_JSON] = 3, [STUDIO_ERR_STORAGE] = 1},
        .closed = {[CLOSED_SILENT] = 11, [CLOSED_SLOW] = 12},
        .store_writable = true,
        .tls_ends = 1767323045 + 83 * 86400,
        .tls_refused = true,
        .exposed = true};
    const struct announce_health health = {.now_ms = 1767323045678,
                                           .agent = &agent,
                                           .acked = 100,
                                           .parked = {5, 7, 8, 9, 10},
                                           .ignored = 6,
                                           .backlog = 20,
                                           .oldest_age_ms = 7999,
                                           .broker = "mqtt://a:1883",
                                           .commands = "on",
                                           .uncarried = "[]"};

    (void)state;
    announce_health(&out, &health);
    assert_string_equal(
        out.data,
        "{\"ts\":\"2026-01-02T03:04:05.678Z\",\"seq\":{\"committed\":120,\"acked\":100},"
        "\"backlog\":{\"events\":20,\"oldest_s\":7},\"parked\":5,"
        "\"parked_kinds\":{\"events\":5,\"retained\":7,\"answers\":8,\"replays\":9,\"agent\":10},"
        "\"uncarried\":[],\"tables\":3,\"clients\":2,"
        "\"subscribers\":1,\"updates\":99,\"refused\":4,\"closed\":{\"silent\":11,\"slow\":12},"
        "\"ignored\":6,"
        "\"broker\":\"mqtt://"
        "a:1883\",\"commands\":\"on\",\"exposed\":true,\"store\":{\"writable\":true},"
        "\"tls\":{\"days_left\":83,\"files\":\"refused\"}}");
}

static void info_lists_fields_and_what_the_agent_adds(void **state)
{
    (void)state;
    announce_info(&out, &studio_built_in_values, "edge-1", "6f1c", 1767323045678,
                  "\"limits\":{\"x\":1},\"site\":\"A\"");
    assert_non_null(strstr(out.data, "\"protocol\":1,\"agent\":\"edge-1\",\"epoch\":\"6f1c\","));
    assert_non_null(strstr(out.data, "\"MAINTENANCE\":[false,true]"));
    assert_non_null(strstr(out.data, "\"ZCam\":[\"up\",\"down\"]"));
    assert_string_equal(strstr(out.data, ",\"limits\""), ",\"limits\":{\"x\":1},\"site\":\"A\"}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(availability_names_the_connection),
        TEST(health_tells_all),
        TEST(info_lists_fields_and_what_the_agent_adds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
