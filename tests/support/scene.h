/*
 * scene.h - the usual stage of the MQTT tests: a broker, the agent edge-1, a subscriber to all, a judge.
 */
#ifndef TESTS_SUPPORT_SCENE_H
#define TESTS_SUPPORT_SCENE_H

#include "support/agent.h"
#include "support/broker.h"
#include "support/json.h"
#include "support/judge.h"
#include "support/mqttclient.h"
#include "support/tokens.h"
#include "support/wsclient.h"

/* Topics of the agent and of the table that most tests use. */
#define AGENT     "studio/agents/edge-1"
#define TABLE     "studio/tables/ARO-001"
#define NO_LIMITS "[limits]\nupdates_per_second = 0\n"

struct scene {
    struct broker *broker;
    struct agent_proc *agent;
    struct mqttclient *sub; /* MQTT 5 or 3.1.1, session kept, subscribed to studio/# */
    struct judge *judge;
};

/* `config` may be NULL; `version` (5 or 4) is the agent's and the subscriber's. The broker keeps its
 * state over an orderly restart. Returns when the agent is online there and takes commands. */
void scene_open(struct scene *scene, const char *config, int version);
/* Ends all of it; members may be NULL. */
void scene_close(struct scene *scene);

/* The parts, for other stages. */
struct mqttclient *scene_subscribe(struct broker *broker, int version);
struct agent_proc *scene_agent(const char *brokers, const char *config);

/* Waits until the agent says online, from the subscriber's mark on. */
void scene_wait_online(struct scene *scene);

/* Waits until edge-1 has subscribed to commands for the first time; from then on the broker keeps
 * them for it. Seen in the broker's log. */
void scene_wait_commands(struct broker *broker);

/* A connected device; its login, as scene_device(&s, "ARO-001_pc"). */
struct wsclient *scene_device(struct scene *scene, const char *id);

/* Sends a message whose answer has this `status`. */
void scene_ask(struct wsclient *client, const char *message, const char *status);

/* `count` updates of one connection in flight at once, all answered; each sets another `n`. */
void scene_updates(struct wsclient *client, int count);

#endif
