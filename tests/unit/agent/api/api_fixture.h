/* api_fixture.h - requests to all of the API, on a real core. One source of a program includes it. */
#ifndef TESTS_UNIT_AGENT_API_API_FIXTURE_H
#define TESTS_UNIT_AGENT_API_API_FIXTURE_H

#include "api/api.h"
#include "net/logins.h"
#include "support/core_fixture.h"
#include "support/fake_committer.h"
#include "unit/agent/net/exchange_fixture.h"
#include "unit/agent/tokens_fixture.h"

#define DEVICE   "ARO-001_pc:" TOKEN_DEVICE
#define VIEWER   "ARO-001_board:" TOKEN_VIEWER
#define OPERATOR "ops:" TOKEN_OPERATOR

static struct core_fixture core_f;
static struct committer committer;
static struct api api;
static struct logins logins;
static struct wire wire;

/* All that waits becomes durable. */
static inline void settle(void)
{
    fake_committer_settle(&core_f, &committer);
}

/* A device of this table connects, and goes: the table is there from now on. */
static inline void make_table(const char *id)
{
    static struct fake_actor device;

    fake_actor_init(&device, VIA_WEBSOCKET, ROLE_DEVICE, id, id);
    join(&core_f, &device);
    settle();
    fake_actor_finish(&core_f, &device);
}

static inline int api_open(void **state)
{
    (void)state;
    core_fixture_open(&core_f, false);
    committer = (struct committer){.store = core_f.store};
    core_fixture_start(&core_f, &committer);
    const struct admission_options admission = {
        .clock = &core_f.clock.clock,
        .connections = 1000,
        .connections_per_id = 16,
    };
    logins = (struct logins){.figures = &core_f.figures};
    api = (struct api){
        .clock = &core_f.clock.clock,
        .core = core_f.core,
        .figures = &core_f.figures,
        .logins = &logins,
        .admission = admission_create(&admission, fixture_tokens(NULL)),
        .rates = rates_create(16),
        .lookup = &core_f.lookup,
    };
    wire_env_init(api_respond, &api);
    wire_env.clock = &core_f.clock.clock;
    return 0;
}

static inline int api_close(void **state)
{
    (void)state;
    core_fixture_close(&core_f); /* items may still hold exchanges */
    admission_destroy(api.admission);
    rates_destroy(api.rates);
    return 0;
}

/* --- requests --------------------------------------------------------------------------------- */

struct request {
    const char *method; /* NULL: GET */
    const char *target; /* with its parameters, not encoded */
    const char *user;   /* id:token; NULL: nobody */
    const char *fields[EXCHANGE_FIELDS];
    const char *body; /* NULL: none */
};

static inline void send_request(struct wire *w, const struct request *request)
{
    char *copy = test_printf("%s", request->target), *rest = copy, *bearer = NULL;
    char length[24];
    const char *args[16];
    struct exchange_head head = {
        .method = request->method ? request->method : "GET",
        .path = strsep(&rest, "?"),
        .peer = "127.0.0.1",
        .args = args,
    };

    memset(w, 0, sizeof(*w));
    memcpy(head.fields, request->fields, sizeof(head.fields));
    while (rest)
        args[head.arg_count++] = strsep(&rest, "&");
    if (request->user)
        head.fields[EXCHANGE_AUTHORIZATION] = bearer = test_printf("Bearer %s", request->user);
    if (request->body) {
        snprintf(length, sizeof(length), "%zu", strlen(request->body));
        head.length = length;
    }
    w->exchange = exchange_create(&wire_env, w, &head);
    assert_non_null(w->exchange);
    if (request->body && *request->body)
        exchange_body(w->exchange, request->body, strlen(request->body));
    free(bearer);
    free(copy);
}

/* A GET of this user. */
static inline void get(const char *user, const char *target)
{
    send_request(&wire, &(struct request){.target = target, .user = user});
}

static inline void post(const char *user, const char *target, const char *key, const char *body)
{
    send_request(&wire, &(struct request){.method = "POST",
                                          .target = target,
                                          .user = user,
                                          .fields = {[EXCHANGE_IDEMPOTENCY_KEY] = key},
                                          .body = body});
}

static inline const char *answered_header(const struct wire *w, const char *name)
{
    for (size_t i = 0; i < w->answer.header_count; i++)
        if (strcmp(w->answer.headers[i].name, name) == 0)
            return w->answer.headers[i].text;
    return NULL;
}

#define expect_header(w, name, text) assert_string_equal(answered_header(w, name), text)

/* Takes the whole answer; it is this, NULL: any. The request ends with wire_close. */
static inline void take_answer(struct wire *w, int status, const char *body)
{
    wire_drain(w);
    if (w->status != status || (body && strcmp(w->body, body) != 0))
        fail_msg("answered %d %s, not %d %s", w->status, w->body, status, body ? body : "");
}

/* The same, and the request ends. */
static inline void expect_answer(int status, const char *body)
{
    take_answer(&wire, status, body);
    wire_close(&wire);
}

#endif
