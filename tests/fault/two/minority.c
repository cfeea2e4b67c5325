#include "fault/two/minority.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/storm/wire.h"
#include "fault/two/ask.h"
#include "fault/two/rig.h"
#include "support/deadline.h"
#include "support/tokens.h"

enum {
    CLIENTS_MAX = 12, /* fewer than one id may have */
    COMES_MS = 500,
    ASK_EVERY_MS = 250,
    ASK_MS = 200
};

struct client {
    struct wire wire;
    enum { COMES, WAITS, TOLD } state;
    int64_t came_ms;
};

struct minority {
    enum host agent;
    char text[120];
    struct client clients[CLIENTS_MAX];
    size_t came;
    int64_t next_ms, ask_ms;
    struct minority_figures f;
};

static void told(struct minority *m, struct client *c, const char *text)
{
    c->state = TOLD;
    if (strstr(text, "\"status\":\"updated\"")) {
        m->f.acked_ms = c->came_ms;
    } else if (m->f.refused_ms == 0) {
        m->f.refused_ms = now_ms();
        snprintf(m->f.told, sizeof m->f.told, "%s", text);
    }
}

static void heard(struct minority *m, struct client *c, const char *text)
{
    if (c->state == WAITS)
        told(m, c, text);
    else if (c->state == COMES && strstr(text, "\"TABLE_ID\"") && wire_send(&c->wire, m->text))
        c->state = WAITS;
}

static void hear(struct minority *m, struct client *c)
{
    const char *text;
    struct pollfd pfd = {.fd = c->wire.fd, .events = wire_wants(&c->wire)};
    if (c->wire.fd < 0)
        return;
    if (poll(&pfd, 1, 0) > 0)
        (void)wire_service(&c->wire, pfd.revents);
    while (c->wire.fd >= 0 && wire_next(&c->wire, &text) == WIRE_TEXT)
        heard(m, c, text);
    if (c->wire.fd < 0 && c->state != TOLD)
        told(m, c, "the connection was closed");
}

static void come(struct minority *m)
{
    struct client *c = &m->clients[m->came++ % CLIENTS_MAX];
    m->f.waiting += c->state == WAITS && c->wire.fd >= 0;
    wire_close(&c->wire); /* who has waited longest has waited enough */
    c->state = COMES;
    c->came_ms = now_ms();
    m->next_ms = c->came_ms + COMES_MS;
    if (!wire_connect_to(&c->wire, host_address(m->agent), TWO_PORT,
                         "/?id=OFFICE_minority&token=" TOKEN_OPERATOR))
        told(m, c, "the connection was refused");
}

struct minority *minority_create(enum host agent, const char *table)
{
    struct minority *m = test_alloc(sizeof *m);
    m->agent = agent;
    snprintf(m->text, sizeof m->text, "{\"table_id\":\"%s\",\"maintenance\":false}", table);
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        m->clients[i].wire.fd = -1;
    return m;
}

static void ask(struct minority *m)
{
    char body[sizeof m->f.unready];
    int status = two_readyz(m->agent, ASK_MS, body, sizeof body);
    m->ask_ms = now_ms() + ASK_EVERY_MS;
    if (status == 200 || status == 0 || m->f.unready_ms != 0)
        return;
    m->f.unready_ms = now_ms();
    memcpy(m->f.unready, body, sizeof body);
}

void minority_step(struct minority *m)
{
    if (!m)
        return;
    if (now_ms() >= m->next_ms)
        come(m);
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        hear(m, &m->clients[i]);
    if (now_ms() >= m->ask_ms)
        ask(m);
}

struct minority_figures minority_figures(const struct minority *m)
{
    struct minority_figures f = m->f;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        f.waiting += m->clients[i].state == WAITS && m->clients[i].wire.fd >= 0;
    return f;
}

void minority_destroy(struct minority *m)
{
    for (size_t i = 0; m && i < CLIENTS_MAX; i++)
        wire_close(&m->clients[i].wire);
    free(m);
}
