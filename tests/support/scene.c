/* scene.c - setting the stage, and the moves most tests make on it. */
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/deadline.h"

struct mqttclient *scene_subscribe(struct broker *broker, int version)
{
    return mqttclient_create(&(struct mqttclient_options){.port = broker_port(broker),
                                                          .version = version,
                                                          .client_id = "judge",
                                                          .keep_session = true,
                                                          .subscribe = "studio/#"});
}

struct agent_proc *scene_agent(const char *brokers, const char *config)
{
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    return agent_proc_start(
        &(struct agent_options){.broker = brokers, .config = config, .args = args});
}

void scene_open(struct scene *s, const char *config, int version)
{
    char *whole =
        test_printf("%s[mqtt]\nversion = %s\n", config ? config : "", version == 5 ? "5" : "3.1.1");
    s->broker = broker_create(&(struct broker_options){.persistence = true});
    s->sub = scene_subscribe(s->broker, version);
    s->agent = scene_agent(broker_uri(s->broker), whole);
    s->judge = judge_create("studio");
    judge_start(s->judge, 1);
    free(whole);
    scene_wait_online(s);
    scene_wait_commands(s->broker);
}

void scene_close(struct scene *s)
{
    agent_proc_destroy(s->agent);
    mqttclient_destroy(s->sub);
    broker_destroy(s->broker);
    judge_destroy(s->judge);
}

void scene_wait_online(struct scene *s)
{
    mqttclient_wait_json(s->sub, AGENT "/availability", "state", "online");
}

void scene_wait_commands(struct broker *broker)
{
    free(proc_wait_line(broker_proc(broker), PROC_STDERR,
                        "Sending SUBACK to studio-agent-edge-1-in", WAIT_MS));
}

struct wsclient *scene_device(struct scene *s, const char *id)
{
    return wsclient_login(agent_proc_port(s->agent), id, TOKEN_DEVICE);
}

void scene_ask(struct wsclient *c, const char *message, const char *status)
{
    wsclient_send(c, message);
    expect_json(wsclient_text(c), "status", status);
}

void scene_updates(struct wsclient *c, int count)
{
    static int n;
    for (int i = 0; i < count; i++) {
        char message[64];
        snprintf(message, sizeof message, "{\"n\":%d}", n++);
        wsclient_queue(c, message);
    }
    wsclient_flush(c);
    for (int i = 0; i < count; i++)
        expect_json(wsclient_text(c), "status", "updated");
}
