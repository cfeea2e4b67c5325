/*
 * test_link_speed.c - commands and mirror beside each other on a slow disk: a queue of commands does not
 * hold the events up, and commands share syncs. Prints what it measured. A machine that is busy with
 * other things is asked for a part of that only: one that waits for each commit has a tenth.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/faults.h"
#include "support/scene.h"
#include "support/tmpdir.h"

#define SET   TABLE "/set/plc"
#define REPLY TABLE "/reply/plc"

enum {
    WARM_UP_MS = 1000,
    MEASURE_MS = 4000,
    TICK_MS = 10,
    UPDATES = 10,              /* offered in a tick: 1,000/s */
    COMMANDS = 4,              /* 400/s */
    PATIENCE = 30,             /* ticks before an answer is waited for */
    COMMANDS_PER_S = 200,      /* at least */
    MIRROR_PER_THOUSAND = 900, /* at least, of what it is without commands */
    BUSY_PER_THOUSAND = 500    /* of both, where other tests run beside this one */
};

struct stage {
    struct broker *broker;
    struct mqttclient *sub, *plc;
    struct agent_proc *agent;
    struct wsclient *pc;
    int waiting; /* updates */
    uint64_t sent, answered;
};

static void wait_updates(struct stage *s, int left)
{
    for (; s->waiting > left; s->waiting--)
        expect_json(wsclient_text(s->pc), "status", "updated");
}

static void offer_command(struct stage *s)
{
    char payload[64];
    snprintf(payload, sizeof payload, "{\"sdp\":\"up\",\"request_id\":%llu}",
             (unsigned long long)s->sent++);
    mqttclient_send(
        s->plc, &(struct mqttclient_publish){.topic = SET, .payload = payload, .no_wait = true});
}

/* Offers updates and, if wanted, commands at their rates. */
static void drive(struct stage *s, int ms, bool commands)
{
    int64_t began = now_ms();
    for (int64_t tick = 0; tick * TICK_MS < ms; tick++) {
        const struct mqtt_message *m;
        for (int n = 0; n < UPDATES; n++)
            wsclient_queue(s->pc, n % 2 ? "{\"idp\":\"up\"}" : "{\"idp\":\"down\"}");
        wsclient_flush(s->pc);
        s->waiting += UPDATES;
        for (int n = 0; commands && n < COMMANDS; n++)
            offer_command(s);
        wait_updates(s, PATIENCE * UPDATES);
        while ((m = mqttclient_take(s->plc)))
            s->answered += strcmp(m->topic, REPLY) == 0;
        while (now_ms() < began + (tick + 1) * TICK_MS)
            usleep(1000);
    }
}

/* Events of the device's table that have reached a subscriber. */
static uint64_t mirrored(struct stage *s)
{
    static uint64_t count;
    const struct mqtt_message *m;
    while ((m = mqttclient_take(s->sub)))
        count += strstr(m->topic, "/changes") != NULL && strstr(m->topic, "ARO-001/") == NULL;
    return count;
}

static double events_per_s(struct stage *s, bool commands, double *commands_per_s)
{
    drive(s, WARM_UP_MS, commands);
    uint64_t events = mirrored(s), answers = s->answered;
    int64_t began = now_ms();
    drive(s, MEASURE_MS, commands);
    double seconds = (double)(now_ms() - began) / 1000;
    *commands_per_s = (double)(s->answered - answers) / seconds;
    double rate = (double)(mirrored(s) - events) / seconds;
    wait_updates(s, 0);
    return rate;
}

static void open_stage(struct stage *s, struct faults *faults, const char *data)
{
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    memset(s, 0, sizeof *s);
    s->broker = broker_create(NULL);
    s->sub = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(s->broker), .subscribe = "studio/tables/+/changes"});
    s->agent = agent_proc_start(&(struct agent_options){.data = data,
                                                        .broker = broker_uri(s->broker),
                                                        .config = NO_LIMITS,
                                                        .args = args,
                                                        .env = faults_env(faults)});
    scene_wait_commands(s->broker);
    wsclient_close(wsclient_login(agent_proc_port(s->agent), "ARO-001_pc", TOKEN_DEVICE));
    s->pc = wsclient_login(agent_proc_port(s->agent), "ARO-002_pc", TOKEN_DEVICE);
    s->plc = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(s->broker), .client_id = "plc", .subscribe = REPLY});
}

static void close_stage(struct stage *s)
{
    wsclient_close(s->pc);
    mqttclient_destroy(s->plc);
    agent_proc_destroy(s->agent);
    mqttclient_destroy(s->sub);
    broker_destroy(s->broker);
}

static void commands_do_not_hold_the_mirror_up(void **state)
{
    static const unsigned sync_ms[] = {5, 20};
    const bool alone = getenv("STUDIO_FAULT_LONG") != NULL;
    (void)state;
    if (!faults_available())
        skip();
    for (size_t i = 0; i < 2; i++) {
        const char *data = tmpdir_create();
        struct faults *faults = faults_create(data, NULL);
        struct stage s;
        double none, commands, again;
        open_stage(&s, faults, data);
        faults_delay(faults, FAULT_SYNC, sync_ms[i]);
        double without = events_per_s(&s, false, &none);
        double with = events_per_s(&s, true, &commands);
        double without2 = events_per_s(&s, false, &again);
        printf("syncs of %u ms: %.0f events/s without commands (%.0f after), %.0f with %.0f "
               "commands/s\n",
               sync_ms[i], without, without2, with, commands);
        without = (without + without2) / 2;
        assert_true(with * 1000 >= without * (alone ? MIRROR_PER_THOUSAND : BUSY_PER_THOUSAND));
        assert_true(commands * 1000 >= COMMANDS_PER_S * (alone ? 1000 : BUSY_PER_THOUSAND));
        faults_clear_all(faults);
        close_stage(&s);
        faults_destroy(faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(commands_do_not_hold_the_mirror_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
