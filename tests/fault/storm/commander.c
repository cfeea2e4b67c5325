#include "fault/storm/commander.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/deadline.h"
#include "support/json.h"
#include "support/mqttclient.h"

#define NAME "commander"

enum {
    BROKERS_MAX = 3,
    PAUSE_MS = 50,    /* between commands */
    REPEAT_MS = 1000, /* without an answer */
    REFUSED_MS = 100, /* after `Storage unavailable` */
    STEP_MS = 5
};

struct commander {
    struct mqttclient *clients[BROKERS_MAX];
    unsigned brokers, number;
    char topic[80];
    uint64_t value, repeats;
    bool paused, waiting;
    int64_t wake_ms; /* waiting: send it again then; else: the next one */
    char *complaint;
};

struct commander *commander_create(const struct commander_options *o)
{
    struct commander *c = test_alloc(sizeof *c);
    char replies[80];
    snprintf(c->topic, sizeof c->topic, "studio/tables/%s/set/" NAME, o->table);
    snprintf(replies, sizeof replies, "studio/tables/%s/reply/" NAME, o->table);
    c->brokers = o->brokers;
    c->number = o->number;
    c->paused = true;
    for (unsigned i = 0; i < c->brokers; i++)
        c->clients[i] =
            mqttclient_create(&(struct mqttclient_options){.host = o->hosts ? o->hosts[i] : NULL,
                                                           .port = o->ports[i],
                                                           .version = o->mqtt_version,
                                                           .subscribe = replies});
    return c;
}

void commander_destroy(struct commander *c)
{
    for (unsigned i = 0; c && i < c->brokers; i++)
        mqttclient_destroy(c->clients[i]);
    free(c);
}

static void send_command(struct commander *c)
{
    char text[80];
    snprintf(text, sizeof text, "{\"w%u\":%" PRIu64 ",\"request_id\":\"%" PRIu64 "\"}", c->number,
             c->value, c->value);
    for (unsigned i = 0; i < c->brokers; i++)
        (void)mqttclient_send(
            c->clients[i],
            &(struct mqttclient_publish){.topic = c->topic, .payload = text, .no_wait = true});
    c->wake_ms = now_ms() + REPEAT_MS;
}

/* The answers to repeats of earlier ones say nothing new. */
static void hear(struct commander *c, const char *answer)
{
    char id[24];
    snprintf(id, sizeof id, "%" PRIu64, c->value);
    if (strstr(answer, "already used") && !c->complaint)
        c->complaint = test_printf("command %s: %s", id, answer);
    if (!c->waiting || !json_is(answer, "request_id", id))
        return;
    if (json_is(answer, "status", "updated")) {
        c->waiting = false;
        c->wake_ms = now_ms() + PAUSE_MS;
    } else if (json_is(answer, "error", "Storage unavailable") ||
               strstr(answer, "Unknown table")) { /* not yet */
        c->wake_ms = now_ms() + REFUSED_MS;
    } else if (!c->complaint) {
        c->complaint = test_printf("command %s: %s", id, answer);
    }
}

void commander_step(struct commander *c)
{
    for (unsigned i = 0; c && i < c->brokers; i++) {
        const struct mqtt_message *m;
        while ((m = mqttclient_take(c->clients[i])))
            hear(c, m->payload);
    }
    if (!c || (c->paused && !c->waiting) || now_ms() < c->wake_ms)
        return;
    c->repeats += c->waiting;
    c->value += !c->waiting;
    c->waiting = true;
    send_command(c);
}

void commander_resume(struct commander *c)
{
    if (c)
        c->paused = false;
}

bool commander_settle(struct commander *c, int64_t deadline)
{
    static const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
    if (!c)
        return true;
    c->paused = true;
    while (commander_step(c), c->waiting && deadline_left(deadline) > 0)
        nanosleep(&step, NULL);
    return !c->waiting;
}

uint64_t commander_last(const struct commander *c)
{
    return c->value;
}

uint64_t commander_repeats(const struct commander *c)
{
    return c->repeats;
}

char *commander_complaint(struct commander *c)
{
    char *complaint = c ? c->complaint : NULL;
    if (c)
        c->complaint = NULL;
    return complaint;
}
