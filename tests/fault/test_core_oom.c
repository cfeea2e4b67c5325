#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "unit/agent/net/session_fixture.h"

#include "support/oom.h"

/*
 * Connections, messages, commits, pushes: the whole of it with the n-th allocation failing, for every
 * n until none fails any more. Whatever is refused on the way: every message has one answer or its
 * connection is closed, what is shown is what is stored, and with memory again all works.
 */

enum { ALLOCATIONS_MAX = 20000 };

struct client {
    struct connection connection;
    unsigned sent, answered;
    bool closed;
};

/* One command of MQTT; only counts. */
struct counter {
    struct actor actor;
    unsigned answers, released;
};

static void on_answer(struct actor *actor, enum studio_err err, const char *text, size_t len)
{
    (void)err;
    (void)text;
    (void)len;
    ((struct counter *)actor)->answers++;
}

static void on_release(struct actor *actor)
{
    ((struct counter *)actor)->released++;
}

static const struct actor_ops counter_ops = {on_answer, on_release};

static void arrive(struct client *c, const char *id, const char *token, const char *subscribe)
{
    struct session_address address = {
        .peer = "::1", .in = {.id = id, .token = token}, .subscribe = subscribe};

    memset(c, 0, sizeof(*c));
    c->connection.session = session_create(&net.env, &c->connection, &address);
}

static void leave(struct client *c)
{
    session_destroy(c->connection.session);
    c->connection.session = NULL;
}

static void send(struct client *c, const char *text)
{
    if (!c->connection.session || c->closed)
        return;
    c->sent++;
    receive(&c->connection, text);
}

/* Reads all there is; first documents and pushes are no answers. */
static void drain(struct client *c)
{
    while (c->connection.session && c->connection.wanted) {
        const char *frame = take_frame(&c->connection);
        if (strncmp(frame, "close ", 6) == 0)
            c->closed = true;
        else if (strncmp(frame, "{\"status\"", 9) == 0 || strncmp(frame, "{\"error\"", 8) == 0)
            c->answered++;
    }
}

static void expect_answered(const struct client *c)
{
    if (c->connection.session && !c->closed)
        assert_int_equal(c->answered, c->sent);
}

static bool compare(void *ctx, const char *id, uint64_t rev, const char *document, size_t len)
{
    struct table *table = tables_find(net.f.core->tables, id);
    struct studio_snapshot *snapshot;

    ++*(size_t *)ctx;
    assert_non_null(table);
    assert_int_equal(table_exists(table), document != NULL);
    snapshot = table_snapshot(table);
    assert_int_equal(snapshot->rev, rev);
    if (document) {
        assert_int_equal(snapshot->document_len, len);
        assert_memory_equal(snapshot->document, document, len);
    }
    return true;
}

static void turn(struct client *a, struct client *b)
{
    fake_committer_settle(&net.f, &net.committer);
    session_resume_all(&net.env);
    drain(a);
    drain(b);
}

static unsigned long tried, tried_times; /* the last run, for the report of a failure */

/* True if an allocation failed on the way. */
static bool run(unsigned long n, unsigned long times)
{
    static const char order[] = "{\"idp\":\"up\",\"request_id\":\"r\"}";
    struct counter orders[2] = {0};
    struct client device, wall;
    size_t stored = 0;
    bool failed;

    net_open(16);
    for (int i = 0; i < 2; i++) {
        orders[i].actor = (struct actor){.ops = &counter_ops, .via = VIA_MQTT, .refs = 1};
        memcpy(orders[i].actor.table_id, "ARO-001", sizeof("ARO-001"));
        memcpy(orders[i].actor.user_id, "plc", sizeof("plc"));
    }

    tried = n;
    tried_times = times;
    oom_arm(n, times);
    arrive(&wall, "WALL", TOKEN_OPERATOR, "*");
    arrive(&device, "ARO-001_pc", TOKEN_DEVICE, "ARO-001");
    send(&device, "{\"sdp\":\"up\",\"note\":{\"a\":[1]}}");
    turn(&device, &wall);
    send(&device, "{\"note\":null,\"other\":1}");
    core_end_turn(net.f.core);
    send(&device, "{\"event\":\"exception\",\"data\":\"X\"}");
    send(&device, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\"]}}");
    send(&device, "{\"sdp\":\"nonsense\"}");
    send(&device, "{}");
    core_command(net.f.core, &orders[0].actor, NULL, order, sizeof(order) - 1);
    core_command(net.f.core, &orders[1].actor, NULL, order, sizeof(order) - 1);
    send(&wall, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"A\",\"B\",\"C\"]}}");
    send(&wall, "{\"event\":\"unsubscribe\",\"data\":{\"tables\":[\"A\"]}}");
    turn(&device, &wall);
    send(&device, "{\"sdp\":\"down\"}");
    leave(&device);
    send(&wall, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-001\"}}");
    turn(&device, &wall);
    failed = oom_disarm();

    if (wall.connection.session)
        session_tick(wall.connection.session);
    drain(&wall);
    expect_answered(&wall);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(orders[i].answers, 1);
        actor_unref(&orders[i].actor);
        assert_int_equal(orders[i].released, 1);
    }
    leave(&wall);
    if (store_probe(net.f.store) == STUDIO_ERR_IO) { /* not even a rollback: the agent would exit */
        net_close();
        return failed;
    }
    assert_int_equal(store_tables(net.f.store, compare, &stored), STUDIO_OK);
    join_as(&device.connection, "ARO-001_pc", TOKEN_DEVICE);
    receive(&device.connection, "{\"sdp\":\"up\"}");
    net_settle();
    expect_frame(&device.connection, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    leave(&device);
    assert_int_equal(store_tables(net.f.store, compare, &stored), STUDIO_OK);
    net_close();
    return failed;
}

static void one_allocation_fails(void **state)
{
    unsigned long n = 1;

    (void)state;
    if (!OOM_POSSIBLE)
        skip();
    while (run(n, 1))
        assert_true(++n < ALLOCATIONS_MAX);
    assert_true(n > 100); /* or nothing was tried */
}

static void all_fail_for_a_while(void **state)
{
    (void)state;
    if (!OOM_POSSIBLE)
        skip();
    for (unsigned long n = 1; run(n, 40); n += 7)
        assert_true(n < ALLOCATIONS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_allocation_fails),
        cmocka_unit_test(all_fail_for_a_while),
    };

    log_use(&(const struct log){.level = LOG_ERROR});
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed)
        print_message("the last allocations that failed: %lu, %lu of them\n", tried, tried_times);
    return failed;
}
