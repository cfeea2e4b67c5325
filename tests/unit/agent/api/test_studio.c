/* test_studio.c - all agents of a database over HTTP, of a store that is made up here. */
#include "unit/agent/api/api_fixture.h"

#include "api/studio.h"
#include "api/studio_refresh.h"
#include "store/engine.h"
#include "support/json.h"
#include "support/oom.h"

#define STUDIO "/api/v1/studio"

enum { AGENTS_MAX = 600, TABLES_MAX = 1300 };

/* --- the store ------------------------------------------------------------------------------------ */

static struct row {
    char agent[16], id[16];
    uint64_t rev;
    char document[64];
} rows[TABLES_MAX]; /* by agent and id */
static struct store_agent agents[AGENTS_MAX];
static char agent_ids[AGENTS_MAX][16];
static size_t row_count, agent_count;
static enum studio_err store_says;
static unsigned agents_read, tables_read; /* statements */

static enum studio_err read_agents(struct store_reader *reader, const char *after, size_t limit,
                                   store_agent_fn *fn, void *ctx)
{
    (void)reader;
    agents_read++;
    for (size_t i = 0; store_says == STUDIO_OK && i < agent_count && limit > 0; i++)
        if (strcmp(agents[i].id, after) > 0) {
            assert_true(fn(ctx, &agents[i]));
            limit--;
        }
    return store_says;
}

static enum studio_err read_their_tables(struct store_reader *reader, const char *const *ids,
                                         size_t count, const char *after, size_t limit,
                                         store_their_table_fn *fn, void *ctx)
{
    (void)reader;
    tables_read++;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < row_count; j++) {
            const struct row *row = &rows[j];
            if (strcmp(row->agent, ids[i]) != 0 || (i == 0 && strcmp(row->id, after) <= 0))
                continue;
            if (limit-- == 0)
                return store_says;
            if (!fn(ctx, i, row->id, row->rev, row->document[0] ? row->document : NULL,
                    strlen(row->document)))
                return store_says;
        }
    return store_says;
}

static const struct store_engine engine = {
    .read_agents = read_agents,
    .read_their_tables = read_their_tables,
};
static struct store_reader reader = {&engine};

static struct store_agent *add_agent(const char *id)
{
    struct store_agent *agent = &agents[agent_count];

    snprintf(agent_ids[agent_count], sizeof(agent_ids[0]), "%s", id);
    *agent = (struct store_agent){.id = agent_ids[agent_count++],
                                  .epoch = "e",
                                  .owner = "edge",
                                  .boot = 1,
                                  .last_seq = 1,
                                  .owned = true};
    return agent;
}

static void change_row(struct row *row, uint64_t rev)
{
    char id[sizeof(row->id)];

    memcpy(id, row->id, sizeof(id));
    row->rev = rev;
    snprintf(row->document, sizeof(row->document), "{\"TABLE_ID\":\"%s\",\"UPTIME\":%llu}", id,
             (unsigned long long)rev);
}

static struct row *add_row(const char *agent, const char *id)
{
    struct row *row = &rows[row_count++];

    snprintf(row->agent, sizeof(row->agent), "%s", agent);
    snprintf(row->id, sizeof(row->id), "%s", id);
    change_row(row, 0);
    return row;
}

static int open_studio(void **state)
{
    (void)api_open(state);
    row_count = agent_count = 0;
    agents_read = tables_read = 0;
    store_says = STUDIO_OK;
    core_f.lookup.reader = &reader;
    api.studio = studio_create(&api);
    return api.studio ? 0 : -1;
}

static int close_studio(void **state)
{
    studio_destroy(api.studio);
    return api_close(state);
}

/* --- asking --------------------------------------------------------------------------------------- */

static char revision[64]; /* of the last answer */

/* The answer is in wire.body; the request goes on until wire_close. */
static void ask_as(const char *user, const char *query)
{
    char *target = test_printf(STUDIO "%s", query), *found;

    get(user, target);
    free(target);
    for (int i = 0; i < 50; i++)
        (void)core_settle(core_f.core);
    take_answer(&wire, 200, NULL);
    found = json_at(wire.body, "revision");
    assert_non_null(found);
    snprintf(revision, sizeof(revision), "%s", found);
    free(found);
}

static void expect_now(const char *user, const char *query, const char *agents_and_tables)
{
    ask_as(user, query);
    const char *found = strstr(wire.body, "\"agents\":");
    assert_non_null(found);
    assert_string_equal(found, agents_and_tables);
    wire_close(&wire);
}

/* What is new since the last answer, a moment later. */
static void expect_since(const char *agents_and_tables)
{
    char query[96];

    fake_clock_advance(&core_f.clock, STUDIO_FRESH_MS);
    snprintf(query, sizeof(query), "?after=%s", revision);
    expect_now(VIEWER, query, agents_and_tables);
}

#define AGENT(id) "{\"agent_id\":\"" id "\",\"owner\":\"edge\",\"unknown_since\":null}"
#define TABLE(a, id, n)                                                                            \
    "{\"agent_id\":\"" a "\",\"table_id\":\"" id "\",\"status\":{\"TABLE_ID\":\"" id               \
    "\",\"UPTIME\":" n "}}"
#define NOTHING "\"agents\":[],\"tables\":[]}"

/* --- the tests ------------------------------------------------------------------------------------ */

static void all_of_them_and_then_what_changes(void **state)
{
    (void)state;
    struct store_agent *east = add_agent("east");
    add_agent("west");
    struct row *row = add_row("east", "ARO-001");
    add_row("west", "ARO-001");
    expect_now(VIEWER, "",
               "\"agents\":[" AGENT("east") "," AGENT("west") "],\"tables\":[" TABLE(
                   "east", "ARO-001", "0") "," TABLE("west", "ARO-001", "0") "]}");
    expect_since(NOTHING);
    assert_int_equal(tables_read, 1);

    change_row(row, 1);
    east->last_seq++;
    expect_since("\"agents\":[],\"tables\":[" TABLE("east", "ARO-001", "1") "]}");
    assert_int_equal(tables_read, 2);
    expect_since(NOTHING);

    east->owned = false;
    east->until_ms = FAKE_WALL_MS;
    expect_since("\"agents\":[{\"agent_id\":\"east\",\"owner\":\"edge\",\"unknown_since\":\"2024-"
                 "01-01T12:00:00.000Z\"}],\"tables\":[]}");

    row->document[0] = '\0';
    agent_count = 1; /* west is gone */
    east->last_seq++;
    expect_since("\"agents\":[{\"agent_id\":\"west\",\"removed\":true}],\"tables\":[{\"agent_id\":"
                 "\"west\",\"table_id\":\"ARO-001\",\"removed\":true},{\"agent_id\":\"east\","
                 "\"table_id\":\"ARO-001\",\"removed\":true}]}");
}

/* However many ask, the store is asked once a second. */
static void asked_once_a_second(void **state)
{
    static struct wire wires[5];

    (void)state;
    add_agent("east");
    core_f.lookup.held = true;
    for (size_t i = 0; i < 5; i++)
        send_request(&wires[i], &(struct request){.target = STUDIO, .user = VIEWER});
    assert_int_equal(core_f.lookup.count, 1);
    exchange_destroy(wires[0].exchange); /* one has gone meanwhile */
    core_f.lookup.held = false;
    for (int i = 0; i < 5; i++)
        (void)core_settle(core_f.core);
    for (size_t i = 1; i < 5; i++) {
        take_answer(&wires[i], 200, NULL);
        exchange_destroy(wires[i].exchange);
    }
    for (int i = 0; i < 5; i++) {
        fake_clock_advance(&core_f.clock, 150);
        get(VIEWER, STUDIO);
        expect_answer(200, NULL); /* at once */
    }
    assert_int_equal(agents_read, 1);
    fake_clock_advance(&core_f.clock, 250);
    ask_as(VIEWER, "");
    wire_close(&wire);
    assert_int_equal(agents_read, 2);
}

static void page_by_page(void **state)
{
    size_t seen_agents = 0, seen_tables = 0, pages = 0;
    char query[96] = "?limit=100";

    (void)state;
    for (int i = 0; i < AGENTS_MAX; i++) {
        char id[16];
        snprintf(id, sizeof(id), "A%03d", i);
        add_agent(id);
        add_row(id, "T-1");
        if (i % 2)
            add_row(id, "T-2");
    }
    for (int i = 0; i < 400; i++) { /* more of one than a step reads */
        char id[16];
        snprintf(id, sizeof(id), "U-%03d", i);
        add_row("A599", id);
    }
    for (bool more = true; more; pages++) {
        ask_as(VIEWER, query);
        for (const char *at = wire.body; (at = strstr(at, "{\"agent_id\"")) != NULL; at++)
            *(strncmp(at + 18, ",\"owner\"", 8) == 0 ? &seen_agents : &seen_tables) += 1;
        assert_true(json_is(wire.body, "reset", "true") == (pages == 0));
        more = answered_header(&wire, "link") != NULL;
        if (more) {
            char link[128];
            snprintf(link, sizeof(link), "<" STUDIO "?limit=100&after=%s>; rel=\"next\"", revision);
            expect_header(&wire, "link", link);
        }
        wire_close(&wire);
        snprintf(query, sizeof(query), "?limit=100&after=%s", revision);
    }
    assert_int_equal(seen_agents, AGENTS_MAX);
    assert_int_equal(seen_tables, row_count);
    assert_int_equal(pages, (AGENTS_MAX + row_count + 99) / 100);
    assert_int_equal(agents_read, 3);
    expect_since(NOTHING);
}

/* Of another agent, or of this one before it was started: all is told anew. */
static void a_revision_of_another(void **state)
{
    (void)state;
    add_agent("east");
    ask_as(VIEWER, "?after=0123456789abcdef.7");
    expect_json(wire.body, "reset", "true");
    expect_json(wire.body, "agents.0.agent_id", "east");
    wire_close(&wire);
    /* Nobody asked for a minute: it is not kept. */
    studio_tick(api.studio);
    expect_since(NOTHING);
    fake_clock_advance(&core_f.clock, STUDIO_IDLE_MS);
    studio_tick(api.studio);
    char query[96];
    snprintf(query, sizeof(query), "?after=%s", revision);
    ask_as(VIEWER, query);
    expect_json(wire.body, "reset", "true");
    wire_close(&wire);
}

static void a_device_sees_its_table(void **state)
{
    (void)state;
    add_agent("east");
    add_agent("north");
    struct store_agent *west = add_agent("west");
    add_row("east", "ARO-001");
    add_row("north", "ARO-002");
    add_row("west", "ARO-002");
    const char *own =
        "\"agents\":[" AGENT("east") "],\"tables\":[" TABLE("east", "ARO-001", "0") "]}";
    expect_now(DEVICE, "", own);
    add_row("west", "ARO-001");
    west->last_seq++;
    char query[96];
    fake_clock_advance(&core_f.clock, STUDIO_FRESH_MS);
    snprintf(query, sizeof(query), "?after=%s", revision);
    expect_now(DEVICE, query,
               "\"agents\":[" AGENT("west") "],\"tables\":[" TABLE("west", "ARO-001", "0") "]}");
}

static void the_store_is_away(void **state)
{
    static const char away[] = "{\"status\":503,\"title\":\"Storage unavailable\"}";

    (void)state;
    add_agent("east");
    add_row("east", "ARO-001");
    ask_as(VIEWER, "");
    wire_close(&wire);
    fake_clock_advance(&core_f.clock, STUDIO_FRESH_MS);
    store_says = STUDIO_ERR_STORAGE;
    get(VIEWER, STUDIO);
    (void)core_settle(core_f.core);
    expect_answer(503, away);
    get(VIEWER, STUDIO); /* it was asked a moment ago */
    expect_answer(503, away);
    assert_int_equal(agents_read, 2);
    fake_clock_advance(&core_f.clock, STUDIO_FRESH_MS);
    store_says = STUDIO_OK;
    expect_since(NOTHING); /* as before */
}

static void too_many_are_told_so(void **state)
{
    static struct wire wires[256];

    (void)state;
    core_f.lookup.held = true;
    for (size_t i = 0; i < 256; i++)
        send_request(&wires[i], &(struct request){.target = STUDIO, .user = VIEWER});
    get(VIEWER, STUDIO);
    take_answer(&wire, 503, "{\"status\":503,\"title\":\"Try again later\"}");
    exchange_destroy(wire.exchange);
    core_f.lookup.held = false;
    (void)core_settle(core_f.core);
    (void)core_settle(core_f.core);
    for (size_t i = 0; i < 256; i++) {
        take_answer(&wires[i], 200, NULL);
        exchange_destroy(wires[i].exchange);
    }
    /* No place for the job. */
    fake_clock_advance(&core_f.clock, STUDIO_FRESH_MS);
    core_f.lookup.max = 1;
    core_f.lookup.count = 1;
    get(VIEWER, STUDIO);
    expect_answer(503, NULL);
    core_f.lookup.count = 0;
}

static void wrong_parameters(void **state)
{
    static const char *const wrong[] = {"?after=7", "?after=0123456789abcdef", "?limit=0",
                                        "?limit=1001", "?after=0123456789abcdef.-1"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *target = test_printf(STUDIO "%s", wrong[i]);
        get(VIEWER, target);
        expect_answer(400, NULL);
        free(target);
    }
    get(NULL, STUDIO);
    expect_answer(401, NULL);
    assert_int_equal(agents_read, 0);
}

/* Who cannot be answered is told so, and nothing is lost for the next. */
static void without_memory(void **state)
{
    bool failed = true;

    (void)state;
    if (!OOM_POSSIBLE)
        skip();
    add_agent("east");
    add_row("east", "ARO-001");
    add_row("east", "ARO-002");
    for (unsigned long n = 1; failed; n++) {
        studio_destroy(api.studio);
        api.studio = studio_create(&api);
        get(VIEWER, STUDIO);
        oom_arm(n, 1);
        for (int i = 0; i < 5; i++)
            (void)core_settle(core_f.core);
        failed = oom_disarm();
        if (!wire.killed) /* as a connection without memory is */
            wire_drain(&wire);
        assert_true(wire.killed || wire.status == 503 ||
                    (wire.status == 200 && strstr(wire.body, "ARO-002")));
        wire_close(&wire);
        fake_clock_advance(&core_f.clock, STUDIO_FRESH_MS);
        expect_now(VIEWER, "",
                   "\"agents\":[" AGENT("east") "],\"tables\":[" TABLE(
                       "east", "ARO-001", "0") "," TABLE("east", "ARO-002", "0") "]}");
    }
}

/* The end of an agent while the store is being read for somebody. */
static void the_end_comes_first(void **state)
{
    (void)state;
    core_f.lookup.held = true;
    get(VIEWER, STUDIO);
    exchange_destroy(wire.exchange);
    studio_destroy(api.studio);
    api.studio = NULL;
    core_f.lookup = (struct lookup){.reader = core_f.reader};
}

static void a_store_of_its_own(void **state)
{
    (void)state;
    assert_false(store_is_shared(core_f.store));
    get(VIEWER, STUDIO);
    expect_answer(404, "{\"status\":404,\"title\":\"This agent shares its store with no other: "
                       "that takes store.url\"}");
    studio_tick(NULL);
    studio_destroy(NULL);
}

#define STUDIO_TEST(test) cmocka_unit_test_setup_teardown(test, open_studio, close_studio)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STUDIO_TEST(all_of_them_and_then_what_changes),
        STUDIO_TEST(asked_once_a_second),
        STUDIO_TEST(page_by_page),
        STUDIO_TEST(a_revision_of_another),
        STUDIO_TEST(a_device_sees_its_table),
        STUDIO_TEST(the_store_is_away),
        STUDIO_TEST(too_many_are_told_so),
        STUDIO_TEST(wrong_parameters),
        STUDIO_TEST(without_memory),
        STUDIO_TEST(the_end_comes_first),
        cmocka_unit_test_setup_teardown(a_store_of_its_own, api_open, api_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
