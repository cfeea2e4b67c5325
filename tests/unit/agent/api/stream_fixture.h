/* stream_fixture.h - live streams on a real core, without a socket. One source of a program includes it. */
#ifndef TESTS_UNIT_AGENT_API_STREAM_FIXTURE_H
#define TESTS_UNIT_AGENT_API_STREAM_FIXTURE_H

#include "api/stream.h"

#include "auth/tokens.h"
#include "store/store.h"
#include "support/core_fixture.h"
#include "support/fake_committer.h"
#include "support/tokens.h"
#include "unit/agent/net/exchange_fixture.h"

static struct core_fixture f;
static struct committer committer;
static struct api api;
static struct fake_actor devices[2]; /* of ARO-001 and ARO-002 */
static enum role role;               /* of who asks: ARO-001_pc */
static struct wire wire;

static inline void respond(void *ctx, struct exchange *exchange)
{
    struct api_request *r = request_create(ctx, exchange);

    r->actor = exchange_actor(exchange);
    r->actor->role = role;
    strcpy(r->actor->user_id, "ARO-001_pc");
    strcpy(r->actor->table_id, "ARO-001");
    r->login = (struct login){{api.core, api.admission, api.rates}, r->actor, .inside = true};
    tokens_digest("MY_TOKEN", r->login.ticket);
    admission_enter(api.admission);
    stream_respond(r);
}

/* Tokens that let it in, as long as `token` is MY_TOKEN. */
static inline struct tokens *read_tokens(const char *token)
{
    char *text = tokens_line("*", role_name(role), token, NULL);
    struct tokens *tokens = NULL;
    struct studio_error error;

    assert_int_equal(tokens_parse(text, strlen(text), "tokens", &tokens, &error), STUDIO_OK);
    free(text);
    return tokens;
}

/* What the store has to do is done, and a moment passes. */
static inline void settle(void)
{
    (void)core_settle(f.core); /* lookups come back */
    fake_committer_settle(&f, &committer);
    fake_clock_advance(&wire_clock, 100);
    streams_tick(api.streams);
}

static inline void update(int device, const char *text)
{
    struct fake_actor *a = &devices[device];

    say(&f, a, text);
    settle();
    while (a->count > 0) /* its answers do not matter here */
        free(a->log[--a->count]);
}

static inline int setup(void **state)
{
    static const char *const tables[] = {"ARO-001", "ARO-002"};

    (void)state;
    role = ROLE_VIEWER;
    wire_env_init(respond, &api);
    core_fixture_open(&f, false);
    wire_env.figures = &f.figures;
    committer = (struct committer){.store = f.store};
    core_fixture_start(&f, &committer);
    api = (struct api){
        .clock = &wire_clock.clock,
        .core = f.core,
        .figures = &f.figures,
        .admission = admission_create(&(struct admission_options){.clock = &wire_clock.clock,
                                                                  .connections = 10,
                                                                  .connections_per_id = 100},
                                      read_tokens("MY_TOKEN")),
        .lookup = &f.lookup,
        .epoch = "6f1c",
    };
    api.streams = streams_create(&api);
    for (int i = 0; i < 2; i++) {
        fake_actor_init(&devices[i], VIA_WEBSOCKET, ROLE_DEVICE, tables[i], tables[i]);
        join(&f, &devices[i]);
        settle(); /* events 1 and 2 */
    }
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        fake_actor_finish(&f, &devices[i]);
    streams_destroy(api.streams);
    core_fixture_close(&f);
    admission_destroy(api.admission);
    return 0;
}

/* Asks with up to two parameters (NULL: none) and a Last-Event-ID. */
static inline void ask(struct wire *w, const char *one, const char *two, const char *last)
{
    const char *const args[] = {one, two};

    memset(w, 0, sizeof(*w));
    w->exchange =
        exchange_create(&wire_env, w,
                        &(struct exchange_head){.method = "GET",
                                                .path = "/api/v1/stream",
                                                .fields = {[EXCHANGE_LAST_EVENT_ID] = last},
                                                .args = args,
                                                .arg_count = one ? two ? 2 : 1 : 0});
    assert_non_null(w->exchange);
}

/* What its reader is told until it has to wait. */
static inline const char *told(struct wire *w)
{
    w->len = 0;
    w->body[0] = '\0';
    while (w->wanted)
        wire_step(w);
    return w->body;
}

static inline void hang_up(struct wire *w)
{
    exchange_destroy(w->exchange);
    w->exchange = NULL;
}

/* The number of events in a text that begins behind `seq`, which must follow each other. */
static inline size_t count_events(const char *text, uint64_t seq)
{
    size_t n = 0;

    while ((text = strstr(text, "data: {\"seq\":")) != NULL) {
        text += strlen("data: {\"seq\":");
        assert_int_equal(strtoull(text, NULL, 10), seq + ++n);
    }
    return n;
}

#define begins(text, start)  assert_memory_equal(text, start, sizeof(start) - 1)
#define COMMENT(behind, seq) ": " behind " events behind\nid: 6f1c:" seq "\n\n"

#endif
