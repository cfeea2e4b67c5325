/*
 * disk_stage.h - the stage of the tests of a bad disk: an agent whose data folder can fail, its broker,
 * a device that updates table ARO-001, a viewer, and the judge.
 */
#ifndef TESTS_FAULT_DISK_STAGE_H
#define TESTS_FAULT_DISK_STAGE_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/faults.h"
#include "support/http.h"
#include "support/json.h"
#include "support/judge.h"
#include "support/mqttclient.h"
#include "support/scene.h"
#include "support/smalldisk.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define UPDATED "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"
#define REFUSED "{\"error\":\"Storage unavailable\"}"

enum { REFUSED_AFTER_MAX = 5000 };

struct stage {
    const char *data;
    struct faults *faults; /* NULL: not used */
    struct broker *broker;
    struct mqttclient *sub;
    struct judge *judge;
    struct agent_proc *agent;
    struct wsclient *device, *viewer; /* the viewer subscribes to all */
    int value;                        /* of the last update that was acknowledged */
};

static inline void connect_clients(struct stage *s)
{
    uint16_t port = agent_proc_port(s->agent);
    s->device = wsclient_login(port, "ARO-001_pc", TOKEN_DEVICE);
    s->viewer = wsclient_connect(port, "/?id=desk&token=" TOKEN_VIEWER "&subscribe=*");
    (void)wsclient_text(s->viewer); /* its own document */
}

static inline void stage_open(struct stage *s, const char *data, struct faults *faults)
{
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    *s = (struct stage){.data = data, .faults = faults};
    s->broker = broker_create(NULL);
    s->sub = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(s->broker), .client_id = "judge", .subscribe = "studio/#"});
    s->judge = judge_create("studio");
    s->agent =
        agent_proc_start(&(struct agent_options){.data = data,
                                                 .broker = broker_uri(s->broker),
                                                 .args = args,
                                                 .config = "[limits]\nupdates_per_second = 0\n",
                                                 .env = faults ? faults_env(faults) : NULL});
    scene_wait_commands(s->broker);
    connect_clients(s);
}

static inline void stage_close(struct stage *s)
{
    wsclient_close(s->device);
    wsclient_close(s->viewer);
    agent_proc_destroy(s->agent);
    judge_destroy(s->judge);
    mqttclient_destroy(s->sub);
    broker_destroy(s->broker);
    faults_destroy(s->faults);
}

/* The next update; true if it was acknowledged, false if it was refused as it must be. */
static inline bool update(struct stage *s)
{
    wsclient_sendf(s->device, "{\"n\":%d}", s->value + 1);
    const char *answer = wsclient_text(s->device);
    if (strcmp(answer, REFUSED) == 0)
        return false;
    assert_string_equal(answer, UPDATED);
    s->value++;
    return true;
}

static inline void expect_ready(struct stage *s, int status)
{
    int64_t deadline = now_ms() + WAIT_MS;
    int got;
    do {
        struct http_answer answer = http_get(agent_proc_port(s->agent), "/readyz");
        got = answer.status;
        http_answer_finish(&answer);
    } while (got != status && deadline_left(deadline) > 0);
    assert_int_equal(got, status);
}

static inline int current_n(struct wsclient *viewer)
{
    wsclient_send(viewer,
                  "{\"request_id\":1,\"event\":\"get\",\"data\":{\"table_id\":\"ARO-001\"}}");
    return (int)json_number(wsclient_until(viewer, "request_id", "1"), "data.n");
}

static inline void expect_n(struct wsclient *viewer, int value)
{
    assert_int_equal(current_n(viewer), value);
}

/* All that was acknowledged has reached MQTT, and the judge has nothing to say. */
static inline void expect_mirrored(struct stage *s)
{
    char text[16];
    snprintf(text, sizeof text, "%d", s->value);
    mqttclient_wait_payload(s->sub, TABLE "/fields/n", text);
    judge_expect_clean(s->judge, s->sub);
}

/* --- a full disk ------------------------------------------------------------------------------ */

/* Fills the disk, or makes room again. */
typedef void fill_disk(struct stage *s, bool full);

static inline void fill_by_faults(struct stage *s, bool full)
{
    if (full)
        faults_fail(s->faults, FAULT_WRITE, ENOSPC, 1, 0);
    else
        faults_clear(s->faults, FAULT_WRITE);
}

static inline void fill_small_disk(struct stage *s, bool full)
{
    (void)s;
    if (full)
        smalldisk_fill();
    else
        smalldisk_make_room();
}

/* Full until an update is refused: what was written before gives way to a few more. */
static inline void fill_until_refused(struct stage *s, fill_disk *fill)
{
    fill(s, true);
    for (int i = 0; update(s); i++)
        assert_true(i < REFUSED_AFTER_MAX);
}

/* What happens on a full disk, by either way to fill it. */
typedef void full_disk_fn(struct stage *s, fill_disk *fill);

static inline void on_a_small_tmpfs(full_disk_fn *happens)
{
    const char *data = smalldisk_mount();
    if (!data)
        skip();
    struct stage s;
    stage_open(&s, data, NULL);
    happens(&s, fill_small_disk);
    stage_close(&s);
    smalldisk_unmount();
}

static inline void on_failing_writes(full_disk_fn *happens)
{
    if (!faults_available())
        skip();
    const char *data = tmpdir_create();
    struct stage s;
    stage_open(&s, data, faults_create(data, NULL));
    happens(&s, fill_by_faults);
    stage_close(&s);
}

#endif
