/* test_exchange.c - requests with and without a body, answers at once, later and in pieces. */
#include "unit/agent/net/exchange_fixture.h"

static struct wire wire;
static struct exchange *waiting; /* answered by the test */
static unsigned asked;
static char request[EXCHANGE_BODY_MAX + 1];

static void answer_later(void *ctx, struct exchange *exchange)
{
    size_t len;
    const char *text = exchange_request(exchange, &len);

    (void)ctx;
    waiting = exchange;
    asked++;
    memcpy(request, text, len + 1);
    assert_int_equal(strlen(text), len);
}

static void answer_now(void *ctx, struct exchange *exchange)
{
    answer_later(ctx, exchange);
    exchange_reply(exchange, 200, "{}", 2);
}

static int setup(void **state)
{
    (void)state;
    asked = 0;
    waiting = NULL;
    wire_env_init(answer_now, NULL);
    return 0;
}

/* --- requests -------------------------------------------------------------------------------- */

static void without_a_body(void **state)
{
    static const char *const lengths[] = {NULL, "0", "00"};

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        wire_open(&wire, "GET", "/a/b", lengths[i]);
        assert_int_equal(asked, i + 1);
        assert_string_equal(exchange_method(wire.exchange), "GET");
        assert_string_equal(exchange_path(wire.exchange), "/a/b");
        assert_false(exchange_expects(wire.exchange));
        wire_drain(&wire);
        assert_int_equal(wire.last, EXCHANGE_LAST);
        assert_int_equal(wire.status, 200);
        assert_int_equal(wire.answer.length, 2);
        assert_false(wire.answer.close);
        assert_string_equal(wire.body, "{}");
        wire_close(&wire);
    }
}

static void a_body_in_pieces(void **state)
{
    (void)state;
    wire_open(&wire, "POST", "/", "7");
    assert_true(exchange_expects(wire.exchange));
    exchange_body(wire.exchange, "{\"a", 3);
    assert_int_equal(asked, 0);
    exchange_body(wire.exchange, "\":1}", 4);
    assert_int_equal(asked, 1);
    assert_string_equal(request, "{\"a\":1}");
    wire_drain(&wire);
    assert_int_equal(wire.last, EXCHANGE_LAST);
    exchange_body(wire.exchange, "more", 4); /* nothing comes of what does not belong to it */
    assert_int_equal(asked, 1);
    wire_close(&wire);
    wire_open(&wire, "POST", "/", "1");
    exchange_body(wire.exchange, "1GET /", 6); /* newer libraries: with what is behind */
    assert_string_equal(request, "1");
    wire_drain(&wire);
    assert_int_equal(wire.last, EXCHANGE_CLOSE);
    assert_true(exchange_lingers(wire.exchange));
    wire_close(&wire);
}

static void the_largest_body(void **state)
{
    char body[EXCHANGE_BODY_MAX];

    (void)state;
    memset(body, 'x', sizeof(body));
    wire_open(&wire, "PUT", "/", "16384");
    exchange_body(wire.exchange, body, sizeof(body));
    assert_int_equal(strlen(request), sizeof(body));
    wire_drain(&wire);
    wire_close(&wire);
}

static void expect_refusal(const struct exchange_head *head, int status)
{
    memset(&wire, 0, sizeof(wire));
    wire.exchange = exchange_create(&wire_env, &wire, head);
    wire_drain(&wire);
    assert_int_equal(wire.status, status);
    assert_true(wire.answer.close);
    assert_int_equal(wire.last, EXCHANGE_CLOSE);
    assert_int_equal(asked, 0);
    exchange_body(wire.exchange, "x", 1); /* may still come */
    /* A body whose end cannot be told is not read away. */
    bool endless =
        head->coded ||
        (head->length && (!head->length[0] || head->length[strspn(head->length, "0123456789")]));
    assert_int_equal(exchange_lingers(wire.exchange), !endless);
    if (!endless) {
        exchange_tick(wire.exchange);
        assert_false(wire.killed);
        fake_clock_advance(&wire_clock, EXCHANGE_LINGER_MS);
        exchange_tick(wire.exchange);
        assert_true(wire.killed);
    }
    wire_close(&wire);
}

static void a_body_that_cannot_be_read(void **state)
{
    (void)state;
    expect_refusal(&(struct exchange_head){.method = "POST", .path = "/", .coded = true}, 501);
    expect_refusal(&(struct exchange_head){.method = "GET", .path = "/", .coded = true}, 400);
    expect_refusal(&(struct exchange_head){.method = "DELETE", .path = "/", .length = "4"}, 400);
    expect_refusal(&(struct exchange_head){.method = "POST", .path = "/", .length = "4,4"}, 400);
    expect_refusal(&(struct exchange_head){.method = "POST", .path = "/"}, 411);
    expect_refusal(&(struct exchange_head){.method = "PATCH", .path = "/"}, 411);
    expect_refusal(&(struct exchange_head){.method = "POST", .path = "/", .length = "-1"}, 400);
    expect_refusal(&(struct exchange_head){.method = "POST", .path = "/", .length = "5x"}, 400);
    expect_refusal(&(struct exchange_head){.method = "GET", .path = "/", .length = ""}, 400);
    expect_refusal(&(struct exchange_head){.method = "PUT", .path = "/", .length = "16385"}, 413);
    expect_refusal(&(struct exchange_head){.method = "PUT",
                                           .path = "/",
                                           .length = "99999999999999999999999999"},
                   413);
}

static void whether_a_body_follows(void **state)
{
    (void)state;
    assert_false(exchange_head_body(&(struct exchange_head){.method = "GET"}));
    assert_false(exchange_head_body(&(struct exchange_head){.method = "POST", .length = "0"}));
    assert_true(exchange_head_body(&(struct exchange_head){.method = "POST"}));
    assert_true(exchange_head_body(&(struct exchange_head){.method = "GET", .length = "1"}));
    assert_true(exchange_head_body(&(struct exchange_head){.method = "GET", .length = "-0"}));
    assert_true(exchange_head_body(&(struct exchange_head){.method = "GET", .coded = true}));
}

static void a_body_that_drips_has_a_deadline(void **state)
{
    (void)state;
    wire_open(&wire, "POST", "/", "100");
    for (int i = 0; i < 10; i++) {
        exchange_tick(wire.exchange);
        assert_false(wire.killed);
        exchange_body(wire.exchange, "x", 1);
        fake_clock_advance(&wire_clock, EXCHANGE_BODY_MS / 10);
    }
    exchange_tick(wire.exchange);
    assert_true(wire.killed);
    assert_true(exchange_slow(wire.exchange));
    exchange_tick(wire.exchange); /* before it is gone */
    assert_int_equal(figure_get(&wire_figures.closed[CLOSED_SLOW]), 1);
    wire_close(&wire);
}

/* --- answers --------------------------------------------------------------------------------- */

static void head_has_no_body(void **state)
{
    (void)state;
    wire_open(&wire, "HEAD", "/", NULL);
    wire_drain(&wire);
    assert_int_equal(wire.status, 200);
    assert_int_equal(wire.answer.length, 2); /* of what GET would bring */
    assert_int_equal(wire.len, 0);
    assert_int_equal(wire.last, EXCHANGE_LAST);
    wire_close(&wire);
}

static void an_answer_that_comes_later(void **state)
{
    (void)state;
    wire_env.respond = answer_later;
    wire_open(&wire, "GET", "/", NULL);
    assert_true(wire.paused);
    assert_false(wire.wanted);
    fake_clock_advance(&wire_clock, 100000); /* as long as it takes */
    exchange_tick(wire.exchange);
    assert_false(wire.killed);
    exchange_header(waiting, "etag", "\"1\"");
    exchange_reply(waiting, 404, "no", 2);
    wire_drain(&wire);
    assert_int_equal(wire.status, 404);
    assert_int_equal(wire.answer.header_count, 1);
    assert_string_equal(wire.answer.headers[0].name, "etag");
    assert_string_equal(wire.body, "no");
    wire_close(&wire);
    wire_open(&wire, "GET", "/", NULL);
    wire_close(&wire); /* the client did not wait for it */
}

/* The core answers its actor, with an error that has a status. */
static void the_core_answers(void **state)
{
    static const struct {
        enum studio_err err;
        int status;
    } answers[] = {
        {STUDIO_OK, 200},
        {STUDIO_ERR_INVALID_VALUE, 400},
        {STUDIO_ERR_AUTH_CREDENTIALS, 401},
        {STUDIO_ERR_NOT_PERMITTED, 403},
        {STUDIO_ERR_UNKNOWN_TABLE, 404},
        {STUDIO_ERR_REQUEST_ID_USED, 409},
        {STUDIO_ERR_TOO_LARGE, 413},
        {STUDIO_ERR_RATE_LIMIT, 429},
        {STUDIO_ERR_STORAGE, 503},
        {STUDIO_ERR_LIMIT, 503},
    };

    (void)state;
    wire_env.respond = answer_later;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        wire_open(&wire, "GET", "/", NULL);
        struct actor *actor = exchange_actor(waiting);
        char problem[64];
        assert_int_equal(actor->via, VIA_HTTP);
        actor->ops->answer(actor, answers[i].err, "{\"error\":\"said\"}", 16);
        wire_drain(&wire);
        assert_int_equal(wire.status, answers[i].status);
        snprintf(problem, sizeof(problem), "{\"status\":%d,\"title\":\"said\"}", answers[i].status);
        assert_string_equal(wire.body, i == 0 ? "{\"error\":\"said\"}" : problem);
        assert_string_equal(wire.answer.type,
                            i == 0 ? "application/json" : "application/problem+json");
        wire_close(&wire);
    }
}

static void count_finish(void *data)
{
    ++*(unsigned *)data;
}

static void what_a_request_says(void **state)
{
    const struct exchange_head head = {
        .method = "GET",
        .path = "/a",
        .peer = "10.0.0.7",
        .fields = {[EXCHANGE_ACCEPT] = "text/plain", [EXCHANGE_LAST_EVENT_ID] = ""},
        .args = (const char *const[]){"ab=1", "a=2", "a=3", "b"},
        .arg_count = 4,
    };
    unsigned finished = 0;

    (void)state;
    wire_env.respond = answer_later;
    memset(&wire, 0, sizeof(wire));
    wire.exchange = exchange_create(&wire_env, &wire, &head);
    assert_string_equal(exchange_peer(waiting), "10.0.0.7");
    assert_string_equal(exchange_field(waiting, EXCHANGE_ACCEPT), "text/plain");
    assert_string_equal(exchange_field(waiting, EXCHANGE_LAST_EVENT_ID), "");
    assert_null(exchange_field(waiting, EXCHANGE_AUTHORIZATION));
    assert_string_equal(exchange_arg(waiting, "a"), "2");
    assert_string_equal(exchange_arg(waiting, "ab"), "1");
    assert_null(exchange_arg(waiting, "b"));
    assert_string_equal(exchange_arg_at(waiting, 3), "b");
    assert_null(exchange_arg_at(waiting, 4));
    exchange_attach(waiting, &finished, count_finish);
    assert_ptr_equal(exchange_data(waiting), &finished);
    wire_close(&wire);
    assert_int_equal(finished, 1);
}

static void an_answer_is_held_back(void **state)
{
    (void)state;
    wire_env.respond = answer_later;
    wire_open(&wire, "GET", "/", NULL);
    exchange_delay(waiting, 1500);
    exchange_problem(waiting, 401, "no");
    fake_clock_advance(&wire_clock, 1499);
    exchange_tick(wire.exchange);
    assert_false(wire.wanted);
    assert_true(wire.paused);
    fake_clock_advance(&wire_clock, 1);
    exchange_tick(wire.exchange);
    wire_drain(&wire);
    assert_int_equal(wire.status, 401);
    assert_string_equal(wire.body, "{\"status\":401,\"title\":\"no\"}");
    wire_close(&wire);
}

static void the_core_answers_one_who_has_left(void **state)
{
    struct actor *actor;

    (void)state;
    wire_env.respond = answer_later;
    wire_open(&wire, "GET", "/", NULL);
    actor = exchange_actor(waiting);
    actor->refs++; /* a message of it waits in the batch */
    wire_close(&wire);
    actor->ops->answer(actor, STUDIO_OK, "said", 4);
    assert_false(wire.wanted);
    actor_unref(actor);
}

static void a_long_answer_leaves_in_pieces(void **state)
{
    static char text[3 * EXCHANGE_PIECE_MAX + 10];

    (void)state;
    memset(text, 'y', sizeof(text));
    wire_env.respond = answer_later;
    wire_open(&wire, "GET", "/", NULL);
    exchange_reply(waiting, 200, text, sizeof(text));
    for (int i = 0; i < 3; i++) {
        wire_step(&wire);
        assert_int_equal(wire.last, EXCHANGE_WRITE);
        assert_int_equal(wire.len, (size_t)(i + 1) * EXCHANGE_PIECE_MAX);
    }
    assert_int_equal(wire.answer.length, sizeof(text));
    wire_drain(&wire);
    assert_int_equal(wire.len, sizeof(text));
    assert_int_equal(wire.last, EXCHANGE_LAST);
    wire_close(&wire);
}

static void who_does_not_read_is_cut(void **state)
{
    (void)state;
    wire_open(&wire, "GET", "/", NULL);
    fake_clock_advance(&wire_clock, 29999);
    exchange_tick(wire.exchange);
    assert_false(wire.killed);
    fake_clock_advance(&wire_clock, 1);
    exchange_tick(wire.exchange);
    assert_true(wire.killed);
    wire_close(&wire);

    wire_open(&wire, "GET", "/", NULL);
    wire.unread = true; /* sends more instead */
    exchange_tick(wire.exchange);
    assert_false(wire.killed);
    fake_clock_advance(&wire_clock, EXCHANGE_SPIN_MS);
    exchange_tick(wire.exchange);
    assert_true(wire.killed);
    assert_int_equal(figure_get(&wire_figures.closed[CLOSED_SLOW]), 2);
    wire_close(&wire);
}

static void a_stopping_agent_ends_connections(void **state)
{
    (void)state;
    wire_env.closing = true;
    wire_open(&wire, "GET", "/", NULL);
    wire_drain(&wire);
    assert_true(wire.answer.close);
    assert_int_equal(wire.last, EXCHANGE_CLOSE);
    assert_false(exchange_lingers(wire.exchange));
    wire_close(&wire);
}

/* --- streams --------------------------------------------------------------------------------- */

struct feed {
    const char *text; /* NULL: nothing now */
    bool end;
    unsigned closed;
};

static size_t feed_read(void *ctx, char *out, size_t cap, bool *end)
{
    struct feed *feed = ctx;
    size_t len = feed->text ? strlen(feed->text) : 0;

    assert_true(len <= cap);
    memcpy(out, feed->text ? feed->text : "", len);
    feed->text = NULL;
    *end = feed->end;
    return len;
}

static void feed_close(void *ctx)
{
    ((struct feed *)ctx)->closed++;
}

static const struct exchange_source feed_source = {feed_read, feed_close, NULL};

static void a_stream_comes_when_there_is_some(void **state)
{
    struct feed feed = {0};

    (void)state;
    wire_env.respond = answer_later;
    wire_open(&wire, "GET", "/", NULL);
    exchange_stream(waiting, 200, "text/event-stream", &feed_source, &feed);
    wire_step(&wire); /* the head leaves at once */
    assert_int_equal(wire.status, 200);
    assert_int_equal(wire.answer.length, -1);
    assert_true(wire.answer.close);
    wire_step(&wire);
    assert_int_equal(wire.last, EXCHANGE_WAIT);
    assert_true(wire.paused);
    fake_clock_advance(&wire_clock, 100000);
    exchange_tick(wire.exchange);
    assert_false(wire.killed);
    feed.text = "one ";
    exchange_ready(wire.exchange);
    wire_step(&wire);
    feed.text = "two";
    feed.end = true;
    wire_step(&wire);
    assert_string_equal(wire.body, "one two");
    assert_int_equal(wire.last, EXCHANGE_CLOSE);
    assert_int_equal(feed.closed, 1);
    wire_close(&wire);
    assert_int_equal(feed.closed, 1);
}

static unsigned ticks;

static void feed_tick(void *ctx)
{
    (void)ctx;
    ticks++;
}

static void a_stream_without_an_end(void **state)
{
    static const struct exchange_source endless = {feed_read, feed_close, feed_tick};
    struct feed feed = {0};

    (void)state;
    wire_env.respond = answer_later;
    wire_open(&wire, "GET", "/", NULL);
    exchange_tick(wire.exchange);
    exchange_stream(waiting, 200, "text/event-stream", &endless, &feed);
    ticks = 0;
    exchange_tick(wire.exchange);
    assert_int_equal(ticks, 1);
    wire_step(&wire);
    wire.unread = true;
    exchange_tick(wire.exchange); /* there is something to write: whether that goes will show */
    assert_int_equal(ticks, 2);
    assert_false(wire.killed);
    wire_step(&wire);
    assert_true(wire.paused);
    exchange_tick(wire.exchange); /* its peer has gone, or sends what belongs to nothing */
    assert_true(wire.killed);
    assert_int_equal(ticks, 2);
    wire_close(&wire);
    assert_int_equal(feed.closed, 1);
}

static void a_stream_nobody_waits_for(void **state)
{
    struct feed feed = {.text = "x"};

    (void)state;
    wire_env.respond = answer_later;
    wire_open(&wire, "GET", "/", NULL);
    exchange_stream(waiting, 200, "text/plain", &feed_source, &feed);
    wire_step(&wire);
    wire_close(&wire);
    assert_int_equal(feed.closed, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(without_a_body),
        TEST(a_body_in_pieces),
        TEST(the_largest_body),
        TEST(a_body_that_cannot_be_read),
        TEST(whether_a_body_follows),
        TEST(a_body_that_drips_has_a_deadline),
        TEST(head_has_no_body),
        TEST(an_answer_that_comes_later),
        TEST(the_core_answers),
        TEST(what_a_request_says),
        TEST(an_answer_is_held_back),
        TEST(the_core_answers_one_who_has_left),
        TEST(a_long_answer_leaves_in_pieces),
        TEST(who_does_not_read_is_cut),
        TEST(a_stopping_agent_ends_connections),
        TEST(a_stream_comes_when_there_is_some),
        TEST(a_stream_without_an_end),
        TEST(a_stream_nobody_waits_for),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
