/* test_reload.c - tokens read on one thread and taken on another. */
#include "reload.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "auth/digest.h"
#include "support/cmocka_all.h"
#include "support/fake_clock.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

static struct fake_clock clock_;
static struct admission *admission;
static struct api_metrics metrics;
static struct reload reload;
static const char *dir, *file;
static atomic_uint wakes;

static void wake(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&wakes, 1);
}

static void put(const char *pattern)
{
    char *line = tokens_line(pattern, "device", "T", NULL);

    file = tmpdir_write(dir, "tokens", 0600, line);
    free(line);
}

static int setup(void **state)
{
    struct admission_options options = {.clock = &clock_.clock, .connections = 1};
    struct studio_error error;
    struct tokens *tokens;

    (void)state;
    fake_clock_init(&clock_);
    dir = tmpdir_create();
    put("ARO-001");
    if (tokens_read(file, TOKENS_FOR_AGENT, &tokens, &error) != STUDIO_OK)
        return -1;
    admission = admission_create(&options, tokens);
    atomic_store(&wakes, 0);
    metrics = (struct api_metrics){.has_token = true};
    reload_init(&reload, admission, &metrics, NULL, file, wake, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    reload_finish(&reload);
    admission_destroy(admission);
    return 0;
}

static bool counts(const char *id)
{
    unsigned char digest[32];

    tokens_digest("T", digest);
    return admission_still_valid(admission, id, digest, ROLE_DEVICE);
}

static void before_the_agent_runs(void **state)
{
    struct studio_error error;
    size_t users = 0;

    (void)state;
    put("ARO-002");
    assert_int_equal(reload_ask(&reload, &users, &error), STUDIO_OK);
    assert_int_equal(users, 1);
    assert_true(counts("ARO-002"));
    assert_false(counts("ARO-001"));
    assert_int_equal(atomic_load(&wakes), 0);
}

static void a_mistake_changes_nothing(void **state)
{
    struct studio_error error;
    size_t users;

    (void)state;
    reload_running(&reload, true);
    tmpdir_write(dir, "tokens", 0600, "ARO-002 devise sha256:00\n");
    assert_int_equal(reload_ask(&reload, &users, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "tokens:1:"));
    assert_true(counts("ARO-001"));
    assert_int_equal(atomic_load(&wakes), 0);
    reload_running(&reload, false);
}

static bool opens(const char *token)
{
    unsigned char digest[DIGEST_LEN];

    return digest_make(token, strlen(token), digest) &&
           memcmp(digest, metrics.token, sizeof(digest)) == 0;
}

/* All of it, or nothing. */
static void the_token_of_the_metrics_with_them(void **state)
{
    struct studio_error error;
    size_t users;
    char *name;

    (void)state;
    assert_int_equal(reload_ask(&reload, &users, &error), STUDIO_OK);
    assert_false(opens("first")); /* they have no file */
    name = strdup(tmpdir_write(dir, "metrics", 0600, "first\n"));
    metrics.token_file = name;
    assert_int_equal(reload_ask(&reload, &users, &error), STUDIO_OK);
    assert_true(opens("first"));
    tmpdir_write(dir, "metrics", 0600, "no token\n");
    put("ARO-002");
    assert_int_equal(reload_ask(&reload, &users, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, name));
    assert_true(opens("first"));
    assert_true(counts("ARO-001"));
    assert_false(counts("ARO-002"));
    tmpdir_write(dir, "metrics", 0600, "second\n");
    assert_int_equal(reload_ask(&reload, &users, &error), STUDIO_OK);
    assert_true(opens("second"));
    assert_true(counts("ARO-002"));
    free(name);
}

static void *ask(void *arg)
{
    struct studio_error error;

    *(enum studio_err *)arg = reload_ask(&reload, &(size_t){0}, &error);
    return NULL;
}

static void expect_taken_by(void (*taker)(void))
{
    enum studio_err err = STUDIO_ERR_IO;
    pthread_t thread;

    atomic_store(&wakes, 0);
    reload_running(&reload, true);
    put("ARO-002");
    assert_int_equal(pthread_create(&thread, NULL, ask, &err), 0);
    while (atomic_load(&wakes) == 0)
        sched_yield();
    assert_true(counts("ARO-001")); /* it is this thread that takes it */
    taker();
    assert_true(counts("ARO-002"));
    pthread_join(thread, NULL);
    assert_int_equal(err, STUDIO_OK);
    reload_running(&reload, false);
}

static void take(void)
{
    reload_take(&reload);
}

static void stop(void)
{
    reload_running(&reload, false);
}

static void the_running_agent_takes_it(void **state)
{
    (void)state;
    reload_take(&reload); /* nothing is there */
    expect_taken_by(take);
}

static void who_asks_a_stopping_agent_is_answered(void **state)
{
    (void)state;
    expect_taken_by(stop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(before_the_agent_runs),
        TEST(a_mistake_changes_nothing),
        TEST(the_token_of_the_metrics_with_them),
        TEST(the_running_agent_takes_it),
        TEST(who_asks_a_stopping_agent_is_answered),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
