/* test_replay.c - kept events once more, by seq and by revision (protocol section 4, replay). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/scene.h"

#define REPLAY   AGENT "/replay/office"
#define REPLAYED AGENT "/replayed/office"

static struct scene s;
static struct wsclient *pc;

static void open_stage(const char *config)
{
    scene_open(&s, config, 5);
    pc = scene_device(&s, "ARO-001_pc");
}

static int setup(void **state)
{
    (void)state;
    open_stage(NO_LIMITS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wsclient_close(pc);
    scene_close(&s);
    return 0;
}

/* Asks, waits for the end, and returns its payload. What came is from s.sub's mark on. */
static const char *replay(const char *request)
{
    mqttclient_mark(s.sub);
    mqttclient_publish(s.sub, REPLAY, request);
    return mqttclient_wait_json(s.sub, REPLAYED, "end", "true")->payload;
}

/* The one answer to a request that is refused. */
static const char *refused(const char *request)
{
    mqttclient_mark(s.sub);
    mqttclient_publish(s.sub, REPLAY, request);
    const char *text = mqttclient_wait(s.sub, REPLAYED, NULL, NULL)->payload;
    assert_non_null(strstr(text, "\"error\""));
    return text;
}

/* The live message of an event, NULL if there was none. */
static const char *live(uint64_t seq)
{
    char *mark = test_printf("{\"seq\":%llu,", (unsigned long long)seq);
    const char *found = NULL;
    for (size_t i = 0; !found && i < mqttclient_count(s.sub); i++) {
        const struct mqtt_message *m = mqttclient_message(s.sub, i);
        if (strncmp(m->payload, mark, strlen(mark)) == 0 && !strstr(m->topic, "/replayed/"))
            found = m->payload;
    }
    free(mark);
    return found;
}

/* After replay(): the events came in order, byte for byte, from `from` to `to`. */
static void expect_replayed(uint64_t from, uint64_t to)
{
    uint64_t next = from;
    for (size_t i = 0; i < mqttclient_count(s.sub); i++) {
        const struct mqtt_message *m = mqttclient_message(s.sub, i);
        if (strcmp(m->topic, REPLAYED) != 0 || !strstr(m->payload, "\"replay\":true"))
            continue;
        assert_int_equal(json_number(m->payload, "seq"), next);
        assert_false(m->retain);
        char *first = test_printf("%s", live(next));
        first[strlen(first) - 1] = '\0';
        assert_int_equal(strncmp(m->payload, first, strlen(first)), 0);
        assert_string_equal(m->payload + strlen(first), ",\"replay\":true}");
        free(first);
        next++;
    }
    assert_int_equal(next, to + 1);
}

static void by_sequence(void **state)
{
    (void)state;
    scene_updates(pc, 150);
    scene_ask(pc, "{\"event\":\"exception\",\"data\":{\"code\":\"ARE.3\"}}", "received");
    scene_updates(pc, 49);
    judge_wait_seq(s.judge, s.sub, 201);
    assert_string_equal(replay("{\"from_seq\":1}"), "{\"end\":true,\"count\":201}");
    expect_replayed(1, 201);
    judge_expect_clean(s.judge, s.sub);
    assert_int_equal(judge_repeats(s.judge), 201);
}

static void parts_of_it(void **state)
{
    (void)state;
    scene_updates(pc, 20);
    judge_wait_seq(s.judge, s.sub, 21);
    assert_string_equal(replay("{\"from_seq\":5,\"to_seq\":9}"), "{\"end\":true,\"count\":5}");
    expect_replayed(5, 9);
    assert_string_equal(replay("{\"from_seq\":21,\"to_seq\":21}"), "{\"end\":true,\"count\":1}");
    assert_string_equal(replay("{\"from_seq\":20,\"to_seq\":1000}"), "{\"end\":true,\"count\":2}");
    assert_string_equal(replay("{\"from_seq\":22}"), "{\"end\":true,\"count\":0}");
    assert_string_equal(replay("{\"from_seq\":1000}"), "{\"end\":true,\"count\":0}");
}

static void by_revision(void **state)
{
    (void)state;
    struct wsclient *other = wsclient_login(agent_proc_port(s.agent), "ARO-002_pc", TOKEN_DEVICE);
    for (int i = 0; i < 10; i++) {
        scene_updates(pc, 3);
        scene_updates(other, 2);
        scene_ask(pc, "{\"event\":\"exception\",\"data\":\"X\"}", "received");
    }
    judge_wait_seq(s.judge, s.sub, 62);
    assert_string_equal(replay("{\"table_id\":\"ARO-001\",\"from_rev\":11}"),
                        "{\"end\":true,\"count\":20}");
    uint64_t rev = 11;
    for (size_t i = 0; i < mqttclient_count(s.sub); i++) {
        const struct mqtt_message *m = mqttclient_message(s.sub, i);
        if (strcmp(m->topic, REPLAYED) != 0 || !strstr(m->payload, "\"replay\":true"))
            continue;
        expect_json(m->payload, "table_id", "ARO-001");
        assert_int_equal(json_number(m->payload, "rev"), rev++);
    }
    assert_int_equal(rev, 31);
    judge_expect_clean(s.judge, s.sub);
    assert_string_equal(replay("{\"table_id\":\"ARO-001\",\"from_rev\":1000}"),
                        "{\"end\":true,\"count\":0}");
    wsclient_close(other);
}

static void another_epoch(void **state)
{
    (void)state;
    scene_updates(pc, 3);
    judge_wait_seq(s.judge, s.sub, 4);
    char *epoch = json_at(live(1), "epoch");
    char *expected = test_printf("{\"error\":\"other epoch\",\"epoch\":\"%s\"}", epoch);
    assert_string_equal(refused("{\"from_seq\":1,\"epoch\":\"0123\"}"), expected);
    char *right = test_printf("{\"from_seq\":1,\"epoch\":\"%s\"}", epoch);
    assert_string_equal(replay(right), "{\"end\":true,\"count\":4}");
    free(right);
    free(expected);
    free(epoch);
}

static void bad_requests(void **state)
{
    (void)state;
    static const char *const bad[] = {"not JSON",
                                      "[]",
                                      "{}",
                                      "{\"from_seq\":\"1\"}",
                                      "{\"from_seq\":-1}",
                                      "{\"from_seq\":1.5}",
                                      "{\"table_id\":\"ARO-001\"}",
                                      "{\"from_seq\":1,\"to_seq\":\"x\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(bad[i]);
}

static void elsewhere(void **state)
{
    (void)state;
    scene_updates(pc, 3);
    struct mqttclient *asker = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(s.broker), .subscribe = "office/answers " REPLAYED});
    mqttclient_send(asker, &(struct mqttclient_publish){.topic = REPLAY,
                                                        .payload = "{\"from_seq\":1}",
                                                        .response_topic = "office/answers",
                                                        .correlation = "c-9"});
    const struct mqtt_message *m = mqttclient_wait_json(asker, "office/answers", "end", "true");
    assert_string_equal(m->correlation, "c-9");
    assert_int_equal(mqttclient_count(asker), 5);
    assert_null(mqttclient_newest(asker, REPLAYED));
    mqttclient_destroy(asker);
}

static void what_is_too_old(void **state)
{
    (void)state;
    enum { KEPT = 200 };
    open_stage(NO_LIMITS "[store]\nretention_events = 200\n");
    uint64_t newest = 1;
    const char *text = "";
    int64_t deadline = now_ms() + WAIT_MS;
    /* Old events go in small steps when nothing else is to be done; new ones keep it going. */
    do {
        scene_updates(pc, 200);
        newest += 200;
        judge_wait_seq(s.judge, s.sub, newest);
        mqttclient_mark(s.sub);
        mqttclient_publish(s.sub, REPLAY, "{\"from_seq\":1}");
        text = mqttclient_wait(s.sub, REPLAYED, NULL, NULL)->payload;
        assert_true(deadline_left(deadline) > 0);
    } while (!json_is(text, "error", "too old"));
    uint64_t oldest = json_number(text, "oldest_seq");
    assert_true(oldest > 1 && oldest <= newest);
    assert_true(newest - oldest + 1 >= KEPT);
    /* The rest of an earlier replay may still come between. */
    mqttclient_mark(s.sub);
    mqttclient_publish(s.sub, REPLAY, "{\"table_id\":\"ARO-001\",\"from_rev\":0}");
    mqttclient_wait_json(s.sub, REPLAYED, "error", "too old");
    teardown(state);
}

/* A long replay neither stops live events nor other clients. */
static void beside_live_traffic(void **state)
{
    (void)state;
    enum { OLD = 5000, NEW = 500 };
    for (int i = 0; i < OLD / 500; i++)
        scene_updates(pc, 500);
    judge_wait_seq(s.judge, s.sub, OLD + 1);
    mqttclient_mark(s.sub);
    mqttclient_publish(s.sub, REPLAY, "{\"from_seq\":1,\"to_seq\":5001}");
    mqttclient_wait_json(s.sub, REPLAYED, "seq", "1");
    for (int i = 0; i < NEW; i++)
        scene_updates(pc, 1);
    assert_string_equal(mqttclient_wait_json(s.sub, REPLAYED, "end", "true")->payload,
                        "{\"end\":true,\"count\":5001}");
    expect_replayed(1, OLD + 1);
    judge_wait_seq(s.judge, s.sub, OLD + NEW + 1);
    judge_expect_clean(s.judge, s.sub);
}

/* A broker that dies without having kept what it acknowledged leaves holes: replay fills them. */
static void holes_are_filled(void **state)
{
    (void)state;
    scene_updates(pc, 200);
    judge_wait_seq(s.judge, s.sub, 201);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 300; i++)
            wsclient_queue(pc, "{\"sdp\":\"up\"}");
        wsclient_flush(pc);
        wsclient_text(pc);
        broker_kill(s.broker);
        for (int i = 1; i < 300; i++)
            wsclient_text(pc);
        broker_start(s.broker);
        mqttclient_wait_connected(s.sub); /* as anew: the broker has forgotten its session */
    }
    scene_updates(pc, 1);
    judge_wait_seq(s.judge, s.sub, 1102);
    scene_wait_commands(s.broker);
    size_t missing = judge_fetch_holes(s.judge, s.sub, "edge-1", "judge");
    print_message("    %zu of 1102 events were missing, all came by replay\n", missing);
    judge_expect_clean(s.judge, s.sub);
    assert_int_equal(judge_events(s.judge), 1102);
}

static void over_a_restart_of_the_agent(void **state)
{
    (void)state;
    scene_updates(pc, 50);
    judge_wait_seq(s.judge, s.sub, 51);
    wsclient_drop(pc);
    agent_proc_kill(s.agent);
    mqttclient_mark(s.sub);
    mqttclient_publish(s.sub, REPLAY, "{\"from_seq\":1}"); /* the command session keeps it */
    agent_proc_restart(s.agent);
    assert_string_equal(mqttclient_wait_json(s.sub, REPLAYED, "end", "true")->payload,
                        "{\"end\":true,\"count\":51}");
    expect_replayed(1, 51);
    pc = scene_device(&s, "ARO-001_pc");
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(by_sequence),         STAGED(parts_of_it),
        STAGED(by_revision),         STAGED(another_epoch),
        STAGED(bad_requests),        STAGED(elsewhere),
        STAGED(beside_live_traffic), cmocka_unit_test(what_is_too_old),
        STAGED(holes_are_filled),    STAGED(over_a_restart_of_the_agent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
