/* test_guard.c - the agent behind a door. */
#include "bridge/guard.h"

#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"

static unsigned commands;

static bool take_command(void *ctx, struct bridge_command *command)
{
    (void)ctx;
    (void)command;
    commands++;
    return true;
}

static bool count_event(void *ctx, struct studio_event *event)
{
    (void)event;
    ++*(unsigned *)ctx;
    return true;
}

static bool count_cleared(void *ctx, const char *table_id, const char *field)
{
    (void)table_id;
    (void)field;
    ++*(unsigned *)ctx;
    return true;
}

static void an_open_door_lets_all_through_a_closed_one_nothing(void **state)
{
    struct fake_source source;
    struct guard g;
    const struct bridge_source *s = &g.source;
    unsigned seen = 0;
    uint64_t seq = 0, rev = 0;
    bool found = false;
    struct bridge_agent_stats stats;

    (void)state;
    fake_source_init(&source, 10);
    source.ops.command = take_command;
    source.cleared_table = "T";
    fake_commit(&source, "T", 3);
    assert_int_equal(guard_init(&g, &source.ops), STUDIO_OK);
    for (int open = 1; open >= 0; open--) {
        enum studio_err expected = open ? STUDIO_OK : STUDIO_ERR_STORAGE;

        assert_int_equal(s->read(s->ctx, 1, 1, 1, count_event, &seen), expected);
        assert_int_equal(s->read_changes(s->ctx, "T", 0, 0, 1, count_event, &seen), expected);
        assert_int_equal(s->cleared(s->ctx, count_cleared, &seen), expected);
        assert_int_equal(s->oldest(s->ctx, &seq), expected);
        assert_int_equal(s->oldest_rev(s->ctx, "T", &found, &rev, &seq), expected);
        s->acked(s->ctx, open ? 1 : 2);
        s->stats(s->ctx, &stats);
        assert_int_equal(stats.committed, open);
        assert_int_equal(s->command(s->ctx, NULL), open);
        s->parked(s->ctx, 1, "x");
        guard_close(&g);
    }
    assert_int_equal(seen, 3);
    assert_int_equal(rev, 3);
    assert_int_equal(source.acked, 1);
    assert_int_equal(source.parked_count, 1);
    assert_int_equal(commands, 1);
    guard_finish(&g);
    fake_source_finish(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_door_lets_all_through_a_closed_one_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
