/*
 * test_stream.c - who follows the live stream misses nothing and is told nothing twice, whatever is killed
 * (protocol section 5): the agent with kill -9 under load, and the consumer in the middle of a line. It keeps
 * nothing but the id of the last event it has seen.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/storm/rig.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/judge.h"
#include "support/sseclient.h"
#include "support/tokens.h"

enum {
    KILLS = 10,
    ROUND_EVENTS = 150, /* at least so many between two kills */
    WRITERS = 20,
    TABLES = 5,
    VALUES_MAX = 100000
};

struct consumer {
    uint16_t port;
    struct sseclient *client; /* NULL: not connected */
    char id[128];             /* of the last event */
    uint64_t seq;
    uint64_t events;
    struct judge *judge;
    bool (*seen)[VALUES_MAX]; /* of each writer's values */
};

static void connect_again(struct consumer *c)
{
    int64_t deadline = now_ms() + WAIT_MS;
    int status;
    while ((status = sseclient_open(c->port, "/api/v1/stream?from_seq=1", "wall:" TOKEN_VIEWER,
                                    c->id, &c->client)) != 200) {
        if (status != 0 || deadline_left(deadline) == 0)
            test_fail("the stream is answered %d", status);
        rig_nap(5);
    }
}

static void hang_up(struct consumer *c)
{
    sseclient_close(c->client);
    c->client = NULL;
}

static void see(struct consumer *c, unsigned writer, double value)
{
    if (writer >= WRITERS || value < 1 || value >= VALUES_MAX)
        test_fail("nobody has sent %g of writer %u", value, writer);
    if (c->seen[writer][(size_t)value])
        test_fail("%g of writer %u came twice", value, writer);
    c->seen[writer][(size_t)value] = true;
}

/* Which messages of the writers it stands for. */
static void note(struct consumer *c, const cJSON *event)
{
    const char *data = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "data"));
    const cJSON *change;
    unsigned writer;
    double value;
    if (data && sscanf(data, "%u:%lf", &writer, &value) == 2)
        see(c, writer, value);
    cJSON_ArrayForEach(change, cJSON_GetObjectItemCaseSensitive(event, "changes"))
    {
        if (sscanf(change->string, "w%u", &writer) == 1)
            see(c, writer, cJSON_GetNumberValue(cJSON_GetArrayItem(change, 1)));
    }
}

static void take(struct consumer *c, const struct sse_block *b)
{
    cJSON *event = cJSON_Parse(b->data);
    const char *table = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "table_id"));
    uint64_t seq = (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(event, "seq"));
    if (!table || seq != c->seq + 1)
        test_fail("behind event %llu came a %s: %s", (unsigned long long)c->seq, b->event, b->data);
    char *topic = test_printf("studio/tables/%s/%s", table,
                              strcmp(b->event, "exception") == 0 ? "exceptions" : "changes");
    judge_feed(c->judge, topic, b->data, false);
    note(c, event);
    free(topic);
    cJSON_Delete(event);
    c->seq = seq;
    c->events++;
    snprintf(c->id, sizeof c->id, "%s", sseclient_id(c->client));
}

/* Up to so many events; false: the connection is over. */
static bool consume(struct consumer *c, uint64_t count)
{
    while (count > 0) {
        struct sse_block b = sseclient_next(c->client, WAIT_MS);
        if (b.kind == SSE_END)
            return false;
        if (b.kind == SSE_QUIET)
            test_fail("nothing comes any more behind event %llu", (unsigned long long)c->seq);
        if (b.kind == SSE_EVENT) {
            take(c, &b);
            count--;
        }
    }
    return true;
}

static void expect_all_acknowledged(struct rig *rig, struct consumer *c)
{
    size_t count, acked = 0;
    const struct write_note *notes = writers_notes(rig->writers, &count);
    for (size_t i = 0; i < count; i++) {
        acked += notes[i].outcome == WRITE_ACKED;
        if (notes[i].outcome == WRITE_ACKED && !c->seen[notes[i].writer][notes[i].value])
            test_fail("%llu of writer %u was acknowledged and never came",
                      (unsigned long long)notes[i].value, notes[i].writer);
        if (notes[i].outcome == WRITE_REFUSED && c->seen[notes[i].writer][notes[i].value])
            test_fail("%llu of writer %u was refused and came", (unsigned long long)notes[i].value,
                      notes[i].writer);
    }
    print_message("%zu messages acknowledged, %llu events\n", acked, (unsigned long long)c->events);
    assert_true(acked > 0);
}

static void ten_kills_of_the_agent_and_of_the_consumer(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(
        &rig,
        &(struct rig_options){
            .program = "studio-agent",
            .brokers = 1,
            .writers = {
                .writers = WRITERS, .tables = TABLES, .rate = 1000, .exceptions = 5, .seed = 1}});
    struct consumer c = {.port = rig.port.number,
                         .judge = judge_create("studio"),
                         .seen = test_alloc(WRITERS * sizeof *c.seen)};
    judge_start(c.judge, 1);
    assert_true(rig_start_agent(&rig, false));
    writers_resume(rig.writers);
    for (int i = 0; i < KILLS; i++) {
        connect_again(&c);
        assert_true(consume(&c, ROUND_EVENTS));
        if (i % 2) { /* in the middle of what comes */
            hang_up(&c);
            connect_again(&c);
            assert_true(consume(&c, ROUND_EVENTS / 2));
        }
        rig_kill_agent(&rig);
        if (i % 3) /* all it has sent, or none of what is on its way */
            while (consume(&c, 1))
                ;
        hang_up(&c);
        assert_true(rig_start_agent(&rig, false));
    }
    connect_again(&c);
    assert_true(writers_pause(rig.writers, now_ms() + WAIT_MS));
    uint64_t last[WRITERS];
    assert_true(writers_once(rig.writers, now_ms() + WAIT_MS));
    for (unsigned i = 0; i < WRITERS; i++) {
        last[i] = writers_last(rig.writers, i);
        while (last[i] >= VALUES_MAX || !c.seen[i][last[i]])
            assert_true(consume(&c, 1));
    }
    hang_up(&c);
    expect_all_acknowledged(&rig, &c);
    assert_int_equal(judge_check(c.judge, stderr), 0);
    assert_int_equal(judge_repeats(c.judge), 0);
    assert_int_equal(judge_events(c.judge), c.events);
    assert_true(c.events >= (uint64_t)KILLS * ROUND_EVENTS);
    judge_destroy(c.judge);
    free(c.seen);
    rig_close(&rig);
    assert_int_equal(rig.complaint_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_kills_of_the_agent_and_of_the_consumer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
