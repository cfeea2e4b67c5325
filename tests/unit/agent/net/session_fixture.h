/* session_fixture.h - sessions on a real core, with connections that write down what they are asked
 * for. One source of a program includes it. */
#ifndef TESTS_UNIT_AGENT_NET_SESSION_FIXTURE_H
#define TESTS_UNIT_AGENT_NET_SESSION_FIXTURE_H

#include "model/snapshot.h"
#include "net/session.h"
#include "support/core_fixture.h"
#include "support/fake_committer.h"
#include "unit/agent/tokens_fixture.h"

struct connection {
    struct session *session;
    bool wanted; /* session_next is due */
    bool paused, killed, known;
    unsigned pauses;
    bool quiet_known; /* else the socket does not tell */
    int64_t quiet_ms;
    char last[4096]; /* the frame taken last */
};

struct net_fixture {
    struct core_fixture f;
    struct committer committer;
    struct session_env env;
};

static struct net_fixture net;

static inline void fake_want_write(void *connection)
{
    ((struct connection *)connection)->wanted = true;
}

static inline void fake_pause(void *connection, bool paused)
{
    struct connection *c = connection;

    assert_int_not_equal(c->paused, paused); /* asked for changes only */
    c->paused = paused;
    c->pauses++;
}

static inline void fake_kill(void *connection)
{
    ((struct connection *)connection)->killed = true;
}

static inline int64_t fake_quiet(void *connection)
{
    const struct connection *c = connection;

    return c->quiet_known ? c->quiet_ms : -1;
}

static inline void fake_known(void *connection)
{
    ((struct connection *)connection)->known = true;
}

static inline void net_open(size_t connections_per_id)
{
    static const struct transport_ops ops = {fake_want_write, fake_pause, fake_kill,
                                             fake_quiet,      NULL,       fake_known};

    memset(&net, 0, sizeof(net));
    core_fixture_open(&net.f, false);
    net.f.options.max_tables = 2;
    net.committer = (struct committer){.store = net.f.store};
    core_fixture_start(&net.f, &net.committer);
    struct admission_options admission = {
        .clock = &net.f.clock.clock,
        .connections = 1000,
        .connections_per_id = connections_per_id,
        .failures_per_minute = 60,
    };
    net.env = (struct session_env){
        .logins = {.figures = &net.f.figures},
        .clock = &net.f.clock.clock,
        .core = net.f.core,
        .admission = admission_create(&admission, fixture_tokens(NULL)),
        .rates = rates_create(16),
        .ops = &ops,
        .auth_timeout_ms = 10000,
        .ping_after_ms = 20000,
        .ping_grace_ms = 10000,
        .write_timeout_ms = 30000,
    };
}

static inline void net_close(void)
{
    assert_int_equal(net.env.count, 0);
    assert_int_equal(FIGURE_SUM(net.f.figures.connections), 0);
    assert_null(net.env.paused);
    core_fixture_close(&net.f); /* items may still hold sessions, which need the rest */
    admission_destroy(net.env.admission);
    rates_destroy(net.env.rates);
}

static inline void net_settle(void)
{
    fake_committer_settle(&net.f, &net.committer);
    session_resume_all(&net.env);
}

/* --- connections ----------------------------------------------------------------------------- */

static inline void connect_to(struct connection *c, const struct session_address *address)
{
    memset(c, 0, sizeof(*c));
    c->session = session_create(&net.env, c, address);
    assert_non_null(c->session);
}

static inline void connect_as(struct connection *c, const char *id, const char *token)
{
    connect_to(c, &(struct session_address){.peer = "127.0.0.1", .in = {.id = id, .token = token}});
}

static inline void disconnect(struct connection *c)
{
    session_destroy(c->session);
    c->session = NULL;
}

static inline void receive(struct connection *c, const char *text)
{
    session_receive(c->session, text, strlen(text), true);
}

/* Takes the next frame: its text, "ping", "close CODE REASON", or "". */
static inline const char *take_frame(struct connection *c)
{
    struct session_frame frame = {.kind = SESSION_NOTHING};

    c->last[0] = '\0';
    if (!c->wanted)
        return c->last;
    frame = session_next(c->session);
    if (frame.kind == SESSION_TEXT)
        snprintf(c->last, sizeof(c->last), "%.*s", (int)frame.len, frame.data);
    else if (frame.kind == SESSION_PING)
        snprintf(c->last, sizeof(c->last), "ping");
    else if (frame.kind == SESSION_CLOSE)
        snprintf(c->last, sizeof(c->last), "close %u %s", frame.code, frame.reason);
    if (frame.kind == SESSION_TEXT) /* the library writes its header in front */
        memset(frame.data - SNAPSHOT_HEADROOM, 0x81, SNAPSHOT_HEADROOM);
    c->wanted = session_written(c->session);
    return c->last;
}

#define expect_frame(c, text)       assert_string_equal(take_frame(c), text)
#define expect_frame_prefix(c, pre) assert_memory_equal(take_frame(c), pre, sizeof(pre) - 1)

/* Connected, with the first document read. */
static inline void join_as(struct connection *c, const char *id, const char *token)
{
    connect_as(c, id, token);
    net_settle();
    expect_frame_prefix(c, "{\"TABLE_ID\":");
    assert_false(c->wanted);
}

/* Time goes on; the session is ticked once a second. */
static inline void pass(struct connection *c, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        fake_clock_advance(&net.f.clock, 1000);
        session_tick(c->session);
    }
}

#endif
