/* exchange_fixture.h - exchanges on connections that write down what they are asked for. One source
 * of a program includes it. */
#ifndef TESTS_UNIT_AGENT_NET_EXCHANGE_FIXTURE_H
#define TESTS_UNIT_AGENT_NET_EXCHANGE_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "net/exchange.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/fake_clock.h"

struct wire {
    struct exchange *exchange;
    bool wanted, paused, killed;
    bool unread; /* the peer has sent more */
    bool known;  /* it has authenticated */
    int status;  /* of the answer */
    struct exchange_answer answer;
    char body[1 << 16]; /* what came of it */
    size_t len;
    enum exchange_step last;
};

static struct fake_clock wire_clock;

static inline void wire_want_write(void *connection)
{
    ((struct wire *)connection)->wanted = true;
}

static inline void wire_pause(void *connection, bool paused)
{
    struct wire *wire = connection;

    assert_int_not_equal(wire->paused, paused); /* asked for changes only */
    wire->paused = paused;
}

static inline void wire_kill(void *connection)
{
    ((struct wire *)connection)->killed = true;
}

static inline bool wire_unread(void *connection, bool paused)
{
    const struct wire *wire = connection;

    assert_int_equal(paused, wire->paused);
    return wire->unread;
}

static inline void wire_known(void *connection)
{
    ((struct wire *)connection)->known = true;
}

static const struct transport_ops wire_ops = {wire_want_write, wire_pause, wire_kill, NULL,
                                              wire_unread,     wire_known};

static struct exchange_env wire_env;
static struct figures wire_figures;

static inline void wire_env_init(void (*respond)(void *ctx, struct exchange *exchange), void *ctx)
{
    fake_clock_init(&wire_clock);
    memset(&wire_figures, 0, sizeof(wire_figures));
    wire_env = (struct exchange_env){
        .clock = &wire_clock.clock,
        .ops = &wire_ops,
        .respond = respond,
        .ctx = ctx,
        .figures = &wire_figures,
        .write_timeout_ms = 30000,
    };
}

/* A new request; the exchange before has ended. */
static inline void wire_open(struct wire *wire, const char *method, const char *path,
                             const char *length)
{
    memset(wire, 0, sizeof(*wire));
    wire->exchange = exchange_create(
        &wire_env, wire, &(struct exchange_head){.method = method, .path = path, .length = length});
    assert_non_null(wire->exchange);
}

/* The connection can be written once. */
static inline void wire_step(struct wire *wire)
{
    const struct exchange_answer *answer;
    size_t len;

    assert_true(wire->wanted);
    assert_false(wire->paused); /* or the library would not ask */
    assert_true(wire->len + EXCHANGE_PIECE_MAX <= sizeof(wire->body));
    wire->wanted = false;
    wire->last = exchange_next(wire->exchange, &answer, wire->body + wire->len, &len);
    assert_true(len <= EXCHANGE_PIECE_MAX);
    if (answer) {
        assert_int_equal(wire->status, 0);
        wire->answer = *answer;
        wire->status = answer->status;
    }
    wire->len += len;
    wire->body[wire->len] = '\0';
}

/* All of the answer. */
static inline void wire_drain(struct wire *wire)
{
    do
        wire_step(wire);
    while (wire->last == EXCHANGE_WRITE);
}

static inline void wire_close(struct wire *wire)
{
    exchange_destroy(wire->exchange);
    assert_int_equal(wire_env.count, 0);
}

#endif
