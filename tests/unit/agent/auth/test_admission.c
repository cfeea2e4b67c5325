#include "auth/admission.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/slow_hash.h"
#include "base/log.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/fake_clock.h"
#include "support/tokens.h"

static struct fake_clock clock_;
static struct admission *admission;

static atomic_uint woken;

static void wake(void *ctx)
{
    atomic_fetch_add((atomic_uint *)ctx, 1);
}

static struct tokens *parse(const char *pattern, const char *role, const char *token,
                            const char *expires)
{
    char *text = tokens_line(pattern, role, token, expires);
    struct tokens *tokens = NULL;
    struct studio_error error;

    assert_int_equal(tokens_parse(text, strlen(text), "tokens", &tokens, &error), STUDIO_OK);
    free(text);
    return tokens;
}

static int start(size_t connections, size_t per_id, unsigned failures)
{
    struct admission_options options = {&clock_.clock, connections, per_id, failures,
                                        wake,          &woken,      NULL};

    fake_clock_init(&clock_);
    atomic_store(&woken, 0);
    admission = admission_create(&options, parse("ARO-*", "device", "RIGHT", NULL));
    return admission ? 0 : -1;
}

static int setup(void **state)
{
    (void)state;
    return start(2, 2, 3);
}

static int teardown(void **state)
{
    (void)state;
    admission_destroy(admission);
    return 0;
}

/* What came of the last one. */
static struct admitted last;
static size_t answers;

static void keep(void *ctx, const struct admitted *admitted)
{
    (void)ctx;
    last = *admitted;
    answers++;
}

static struct admission_wait *ask(const char *address, const char *id, const char *token)
{
    struct credentials credentials;

    assert_int_equal(
        credentials_make(&(struct credentials_in){.id = id, .token = token}, &credentials),
        STUDIO_OK);
    return admission_ask(admission, address, &credentials, keep, NULL);
}

static enum studio_err try(const char *address, const char *id, const char *token)
{
    size_t before = answers;

    assert_null(ask(address, id, token));
    assert_int_equal(answers, before + 1);
    return last.err;
}

static void the_right_token_and_its_role(void **state)
{
    unsigned char digest[32];

    (void)state;
    assert_int_equal(try("::1", "ARO-001", "RIGHT"), STUDIO_OK);
    assert_int_equal(last.grant.role, ROLE_DEVICE);
    tokens_digest("RIGHT", digest);
    assert_memory_equal(last.ticket, digest, sizeof(digest));
    assert_int_equal(try("::1", "ARO-001", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(try("::1", "BCR-001", "RIGHT"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(try("::1", "ARO-001", "no token"), STUDIO_ERR_AUTH_CREDENTIALS);
}

static void so_many_connections(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(admission_has_room(admission));
        assert_true(admission_opens(admission, 1));
        assert_false(admission_opens(admission, 2)); /* of one id */
        admission_enter(admission);
    }
    assert_false(admission_has_room(admission)); /* in all */
    admission_leave(admission);
    assert_true(admission_has_room(admission));
}

/* Of the refusal of this wrong login. */
static int64_t delay(const char *address, const char *id)
{
    assert_int_equal(try(address, id, "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    return last.told_ms ? last.told_ms - clock_mono(&clock_.clock) : 0;
}

static void the_right_token_is_let_in_whatever_went_before(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(try("10.0.0.1", "ARO-001", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(try("10.0.0.1", "ARO-001", "RIGHT"), STUDIO_OK);
    assert_int_equal(try("10.0.0.2", "ARO-001", "RIGHT"), STUDIO_OK);
}

static void a_guesser_waits_longer_and_longer(void **state)
{
    static const int64_t expected[] = {0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        char id[32];
        /* Another device each time does not help. */
        snprintf(id, sizeof(id), "ARO-001_%zu", i);
        assert_int_equal(delay("10.0.0.1", id), expected[i]);
    }
    /* Nor another address, nor another table; those who share neither do not wait. */
    assert_int_equal(delay("10.0.0.9", "ARO-001"), 5000);
    assert_int_equal(delay("10.0.0.1", "ARO-009"), 5000);
    assert_int_equal(delay("10.0.0.9", "ARO-009"), 0);
    fake_clock_advance(&clock_, 60000);
    assert_int_equal(delay("10.0.0.1", "ARO-001"), 0);
}

static void what_is_remembered_of_failures_is_bounded(void **state)
{
    char id[32];

    (void)state;
    for (int i = 0; i < 70000; i++) {
        snprintf(id, sizeof(id), "ARO-%d", i);
        assert_int_equal(try(id, id, "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    }
    /* Those that come on top are counted as well. */
    for (int i = 0; i < 3; i++)
        assert_int_equal(try("::1", "ARO-NEW", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(delay("::1", "ARO-NEW"), 100);
    assert_int_equal(try("::1", "ARO-NEW", "RIGHT"), STUDIO_OK);
}

static char told[4096];

static void keep_line(void *ctx, int level, const char *module, const char *message)
{
    size_t len = strlen(told);

    (void)ctx;
    assert_int_equal(level, LOG_WARN);
    assert_string_equal(module, "auth");
    snprintf(told + len, sizeof(told) - len, "%s\n", message);
}

static void what_is_told(void **state)
{
    const struct log log = {.level = LOG_INFO, .sink = keep_line};
    const struct log *before = log_use(&log);

    (void)state;
    told[0] = '\0';
    for (int i = 0; i < 29; i++)
        assert_int_equal(try("10.0.0.1", "ARO-001", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_string_equal(told,
                        "10 wrong logins from 10.0.0.1 within a minute, the last as ARO-001\n"
                        "20 wrong logins from 10.0.0.1 within a minute, the last as ARO-001\n");
    told[0] = '\0';
    for (int i = 0; i < 3; i++) { /* once for each id */
        assert_int_equal(try("::1", "ARO-001", "RIGHT"), STUDIO_OK);
        assert_int_equal(try("::1", "ARO-002", "RIGHT"), STUDIO_OK);
    }
    assert_int_equal(strncmp(told, "ARO-001 has a token of fewer than 16", 36), 0);
    assert_non_null(strstr(told, "\nARO-002 has a token"));
    assert_ptr_equal(strstr(told, "ARO-001"), told);
    assert_null(strstr(told + 1, "ARO-001"));
    log_use(before);
}

static void limits_that_are_off(void **state)
{
    (void)state;
    teardown(state);
    start(2, 2, 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(try("::1", "ARO-001", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(delay("::1", "ARO-001"), 0);
}

static void a_reload_counts_from_now_on(void **state)
{
    unsigned char digest[32];
    unsigned before = admission_generation(admission);

    (void)state;
    tokens_digest("RIGHT", digest);
    assert_int_equal(admission_generation(admission), before);
    assert_true(admission_still_valid(admission, "ARO-001", digest, ROLE_DEVICE));
    assert_false(admission_still_valid(admission, "ARO-001", digest, ROLE_OPERATOR));
    tokens_destroy(admission_reload(admission, parse("ARO-002", "viewer", "RIGHT", NULL)));
    assert_int_not_equal(admission_generation(admission), before);
    assert_false(admission_still_valid(admission, "ARO-001", digest, ROLE_DEVICE));
    assert_false(admission_still_valid(admission, "ARO-002", digest, ROLE_DEVICE));
    assert_true(admission_still_valid(admission, "ARO-002", digest, ROLE_VIEWER));
    assert_int_equal(try("::1", "ARO-001", "RIGHT"), STUDIO_ERR_AUTH_CREDENTIALS);
}

static void a_new_day_is_a_new_generation(void **state)
{
    unsigned char digest[32];
    unsigned before;

    (void)state;
    tokens_digest("TODAY", digest);
    tokens_destroy(admission_reload(admission, parse("ARO-*", "device", "TODAY", "2024-01-01")));
    before = admission_generation(admission);
    fake_clock_advance(&clock_, 12 * 3600 * 1000 - 1);
    assert_int_equal(admission_generation(admission), before);
    assert_true(admission_still_valid(admission, "ARO-001", digest, ROLE_DEVICE));
    fake_clock_advance(&clock_, 1);
    assert_int_equal(admission_generation(admission), before + 1);
    assert_int_equal(admission_generation(admission), before + 1);
    assert_false(admission_still_valid(admission, "ARO-001", digest, ROLE_DEVICE));
    assert_int_equal(try("::1", "ARO-001", "TODAY"), STUDIO_ERR_AUTH_CREDENTIALS);
    admission_destroy(NULL);
}

/* Whoever lets a token rest can be told from who is always there. */
static void who_stays_uses_the_token_every_day(void **state)
{
    enum { DAY_MS = 86400 * 1000 };
    struct tokens *tokens = parse("ARO-*", "device", "RIGHT", NULL);
    int today = (int)(clock_wall(&clock_.clock) / DAY_MS);

    (void)state;
    tokens_destroy(admission_reload(admission, tokens));
    assert_int_equal(try("::1", "ARO-001", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(tokens_day(tokens, 0), 0);
    assert_int_equal(try("::1", "ARO-001", "RIGHT"), STUDIO_OK);
    assert_int_equal(tokens_day(tokens, 0), today);
    fake_clock_advance(&clock_, DAY_MS);
    assert_false(admission_still_valid(admission, "ARO-001", last.ticket, ROLE_VIEWER));
    assert_int_equal(tokens_day(tokens, 0), today);
    assert_true(admission_still_valid(admission, "ARO-001", last.ticket, ROLE_DEVICE));
    assert_int_equal(tokens_day(tokens, 0), today + 1);
}

/* Two lines with a slow hash, and one with a fast one. */
static void use_slow(void)
{
    char hash[2][SLOW_HASH_MAX + 1], text[1024];
    char *fast = tokens_line("*", "device", "RIGHT", NULL);
    struct tokens *tokens;
    struct studio_error error;

    assert_true(slow_hash_make("pin-1", hash[0]));
    assert_true(slow_hash_make("pin-2", hash[1]));
    snprintf(text, sizeof(text), "ARO-001_* viewer yescrypt:%s\nARO-001_* operator yescrypt:%s\n%s",
             hash[0], hash[1], fast);
    assert_int_equal(tokens_parse(text, strlen(text), "tokens", &tokens, &error), STUDIO_OK);
    tokens_destroy(admission_reload(admission, tokens));
    free(fast);
}

/* It is checked by the other thread. */
static enum studio_err wait_for(const char *address, const char *id, const char *token)
{
    size_t before = answers;

    assert_non_null(ask(address, id, token));
    assert_int_equal(answers, before);
    while (answers == before) {
        admission_settle(admission);
        sched_yield();
    }
    return last.err;
}

static void a_slow_hash_is_checked_elsewhere_and_once(void **state)
{
    unsigned char ticket[32];

    (void)state;
    use_slow();
    assert_int_equal(wait_for("::1", "ARO-001_a", "pin-2"), STUDIO_OK);
    assert_int_equal(last.grant.role, ROLE_OPERATOR);
    assert_true(atomic_load(&woken) > 0);
    memcpy(ticket, last.ticket, sizeof(ticket));
    assert_true(admission_still_valid(admission, "ARO-001_a", ticket, ROLE_OPERATOR));
    assert_false(admission_still_valid(admission, "ARO-002_a", ticket, ROLE_OPERATOR));
    for (int i = 0; i < 1000; i++) { /* it is known now */
        assert_int_equal(try("::1", "ARO-001_a", "pin-2"), STUDIO_OK);
        assert_int_equal(last.grant.role, ROLE_OPERATOR);
        assert_memory_equal(last.ticket, ticket, sizeof(ticket));
    }
    assert_int_equal(try("::1", "ARO-001_a", "RIGHT"), STUDIO_OK); /* not slow, no waiting */
    use_slow(); /* other salts: the lines it was let in by are gone */
    assert_false(admission_still_valid(admission, "ARO-001_a", ticket, ROLE_OPERATOR));
    assert_int_equal(wait_for("::1", "ARO-001_a", "pin-2"), STUDIO_OK);
}

/* Whether there is such an id, and a slow hash for it, cannot be told from when the refusal comes. */
static void a_refusal_tells_nothing(void **state)
{
    static const struct {
        const char *id, *token;
    } wrong[] = {{"ARO-001_a", "pin-3"}, {"BCR-001", "pin-3"}, {"ARO-001_a", "no token"}};
    int64_t begun = clock_mono(&clock_.clock);

    (void)state;
    use_slow();
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(wait_for("::1", wrong[i].id, wrong[i].token), STUDIO_ERR_AUTH_CREDENTIALS);
        assert_int_equal(last.told_ms, begun + 1000);
    }
    fake_clock_advance(&clock_, 500);
    assert_int_equal(wait_for("::1", "ARO-001_a", "pin-3"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(last.told_ms, begun + 500 + 1000 + 100); /* the fourth within a minute */
}

/* The text of a hash opens nothing. */
static void a_hash_is_no_token(void **state)
{
    char hash[SLOW_HASH_MAX + 1], text[512];
    struct tokens *tokens;
    struct studio_error error;
    struct grant grant;

    (void)state;
    assert_true(slow_hash_make("pin-1", hash));
    snprintf(text, sizeof(text), "* viewer yescrypt:%s\n", hash);
    assert_int_equal(tokens_parse(text, strlen(text), "tokens", &tokens, &error), STUDIO_OK);
    assert_false(tokens_check(tokens, "ARO-001", hash, 0, &grant));
    assert_false(tokens_check(tokens, "ARO-001", "pin-1", 0, &grant));
    tokens_destroy(tokens);
}

static void who_leaves_is_told_nothing(void **state)
{
    size_t before = answers;
    struct admission_wait *waits[40];
    size_t count = 0;

    (void)state;
    use_slow();
    /* Of one address so many wait and no more, others have room. */
    for (int i = 0; i < 40; i++)
        if ((waits[count] = ask("10.0.0.1", "ARO-001_a", "pin-1")))
            count++;
    assert_in_range(count, 16, 39);
    assert_int_equal(answers, before + 40 - count);
    assert_int_equal(last.err, STUDIO_ERR_LIMIT);
    waits[count] = ask("10.0.0.2", "ARO-001_a", "pin-1");
    assert_non_null(waits[count++]);
    before = answers;
    while (count > 0)
        admission_forget(admission, waits[--count]);
    assert_int_equal(wait_for("10.0.0.1", "ARO-001_a", "pin-1"), STUDIO_OK);
    assert_int_equal(answers, before + 1);
    waits[0] = ask("10.0.0.1", "ARO-001_b", "pin-1");
    admission_stop(admission);
    admission_settle(admission);
    if (answers == before + 1)
        admission_forget(admission, waits[0]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_right_token_and_its_role),
        TEST(so_many_connections),
        TEST(the_right_token_is_let_in_whatever_went_before),
        TEST(a_guesser_waits_longer_and_longer),
        TEST(what_is_told),
        TEST(what_is_remembered_of_failures_is_bounded),
        TEST(limits_that_are_off),
        TEST(a_reload_counts_from_now_on),
        TEST(a_new_day_is_a_new_generation),
        TEST(who_stays_uses_the_token_every_day),
        TEST(a_slow_hash_is_checked_elsewhere_and_once),
        TEST(a_refusal_tells_nothing),
        TEST(a_hash_is_no_token),
        TEST(who_leaves_is_told_nothing),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
