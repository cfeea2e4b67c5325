/*
 * test_disk_start.c - kill -9, and a start on a disk that is full or fails: it ends with a sentence or
 * serves those who read; with room and a disk that works everything acknowledged is there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/disk_stage.h"

enum { STARTS_MAX = 200 /* far more than a start has calls of a kind */ };

/* A killed agent has left a log, to be recovered by the next start. */
static void kill_agent(struct stage *s)
{
    agent_proc_kill(s->agent);
    wsclient_close(s->device);
    wsclient_close(s->viewer);
    s->device = s->viewer = NULL;
}

/* One start. True: it came up, and shows all that was acknowledged unless it `may_end` at any time;
 * it is killed again. False: it ended with a sentence. */
static bool start_serves(struct stage *s, bool may_end)
{
    int code;
    char *err;
    if (!agent_proc_try(s->agent, &code, &err)) {
        if ((code != 1 && code != 4) || strlen(err) < 20 || !strstr(err, s->data))
            test_fail("a start ended with %d and says: %s", code, err);
        free(err);
        return false;
    }
    if (may_end) {
        agent_proc_kill(s->agent);
    } else {
        connect_clients(s);
        expect_n(s->viewer, s->value);
        kill_agent(s);
    }
    return true;
}

static void expect_all_there(struct stage *s)
{
    agent_proc_restart(s->agent);
    connect_clients(s);
    expect_n(s->viewer, s->value);
    assert_true(update(s));
    expect_mirrored(s);
}

/* --- full ------------------------------------------------------------------------------------- */

static void killed_while_full(struct stage *s, fill_disk *fill)
{
    for (int i = 0; i < 3; i++)
        assert_true(update(s));
    fill_until_refused(s, fill);
    kill_agent(s);
    for (int i = 0; i < 3; i++) {
        fill(s, true); /* what the killed one has left free as well */
        (void)start_serves(s, false);
    }
    fill(s, false);
    expect_all_there(s);
}

static void a_small_tmpfs_stays_full(void **state)
{
    (void)state;
    on_a_small_tmpfs(killed_while_full);
}

static void a_disk_stays_full(void **state)
{
    (void)state;
    on_failing_writes(killed_while_full);
}

/* --- the n-th call ---------------------------------------------------------------------------- */

/* For every n of a start: `count` calls fail from the n-th on (0: all of them). */
static void fail_each(enum fault_op op, int error, uint64_t count)
{
    if (!faults_available())
        skip();
    const char *data = tmpdir_create();
    struct stage s;
    unsigned ended = 0;
    bool met = true;
    stage_open(&s, data, faults_create(data, NULL));
    for (int i = 0; i < 20; i++)
        assert_true(update(&s));
    kill_agent(&s);
    for (uint64_t n = 1; met; n++) {
        assert_true(n < STARTS_MAX);
        faults_fail(s.faults, op, error, n, count);
        if (!start_serves(&s, op != FAULT_WRITE))
            ended++;
        met = faults_failed(s.faults, op) > 0;
    }
    assert_true(ended > 0);
    faults_clear_all(s.faults);
    expect_all_there(&s);
    stage_close(&s);
}

static void each_write_finds_the_disk_full(void **state)
{
    (void)state;
    fail_each(FAULT_WRITE, ENOSPC, 0);
}

static void each_write_fails(void **state)
{
    (void)state;
    fail_each(FAULT_WRITE, EIO, 1);
}

static void each_sync_fails(void **state)
{
    (void)state;
    fail_each(FAULT_SYNC, EIO, 1);
}

static void each_truncation_fails(void **state)
{
    (void)state;
    fail_each(FAULT_TRUNCATE, EIO, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_tmpfs_stays_full), /* first: it leaves the mounts of the machine */
        cmocka_unit_test(a_disk_stays_full),
        cmocka_unit_test(each_write_finds_the_disk_full),
        cmocka_unit_test(each_write_fails),
        cmocka_unit_test(each_sync_fails),
        cmocka_unit_test(each_truncation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
