/* test_last_used.c - the days tokens were used on get to the file, and go with their tokens. */
#include "auth/last_used.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "auth/days.h"
#include "base/log.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

enum { DAY_S = 86400, TODAY = 20000 };

static const char *dir;
static struct studio_error error;

static struct tokens *parse(const char *ids)
{
    char *text = test_printf("%s", "");
    struct tokens *tokens = NULL;

    for (; *ids; ids++) { /* a letter each */
        char id[2] = {*ids, '\0'}, token[6] = "TOKEN";
        token[4] = *ids;
        char *line = tokens_line(id, "device", token, NULL);
        char *more = test_printf("%s%s", text, line);
        free(line);
        free(text);
        text = more;
    }
    assert_int_equal(tokens_parse(text, strlen(text), "tokens", &tokens, &error), STUDIO_OK);
    free(text);
    return tokens;
}

static void use(struct last_used *used, struct tokens *tokens, char id, bool first)
{
    const char user[2] = {id, '\0'};
    unsigned char ticket[DIGEST_LEN];
    char token[6] = "TOKEN";

    token[4] = id;
    tokens_digest(token, ticket);
    assert_int_equal(tokens_use(tokens, user, ticket, (int64_t)TODAY * DAY_S), first);
    if (first)
        last_used_tell(used);
}

static size_t in_file(void)
{
    struct days *days;
    size_t count;

    assert_int_equal(days_read(dir, &days, &error), STUDIO_OK);
    count = days_count(days);
    days_free(days);
    return count;
}

static void wait_for_file(size_t count)
{
    const int64_t deadline = now_ms() + WAIT_MS;

    while (in_file() != count) {
        if (deadline_left(deadline) == 0)
            test_fail("%zu lines are in the file, not %zu", in_file(), count);
        sched_yield();
    }
}

static int setup(void **state)
{
    (void)state;
    dir = tmpdir_create();
    return 0;
}

static void at_once_and_at_the_end(void **state)
{
    struct last_used *used = last_used_create(dir);
    struct tokens *tokens = parse("ABC");

    (void)state;
    last_used_change(used, tokens);
    use(used, tokens, 'A', true);
    wait_for_file(1);
    use(used, tokens, 'B', true);
    use(used, tokens, 'B', false);
    last_used_destroy(used);
    assert_int_equal(in_file(), 2);
    tokens_destroy(tokens);
}

static void the_next_start_knows_them(void **state)
{
    struct tokens *first = parse("ABC"), *second = parse("BCD");
    struct last_used *used = last_used_create(dir);

    (void)state;
    last_used_change(used, first);
    use(used, first, 'A', true);
    use(used, first, 'B', true);
    last_used_destroy(used);
    used = last_used_create(dir);
    last_used_change(used, second);
    assert_int_equal(tokens_day(second, 0), TODAY); /* B */
    assert_int_equal(tokens_day(second, 1), 0);
    use(used, second, 'B', false);
    last_used_destroy(used);
    assert_int_equal(in_file(), 1); /* A has gone, so it is gone from the file */
    tokens_destroy(first);
    tokens_destroy(second);
}

static void other_tokens_while_it_runs(void **state)
{
    struct tokens *first = parse("ABC"), *second = parse("CBD");
    struct last_used *used = last_used_create(dir);

    (void)state;
    last_used_change(used, first);
    use(used, first, 'A', true);
    use(used, first, 'C', true);
    use(used, second, 'D', true); /* they are in use already */
    last_used_change(used, second);
    tokens_destroy(first);
    use(used, second, 'C', false);
    use(used, second, 'B', true);
    last_used_destroy(used);
    assert_int_equal(in_file(), 3);
    tokens_destroy(second);
}

static atomic_uint warnings;

static void count_warning(void *ctx, int level, const char *module, const char *message)
{
    (void)ctx;
    (void)module;
    (void)message;
    atomic_fetch_add(&warnings, level == LOG_WARN);
}

/* Nobody who logs in notices; the log says it once. */
static void a_place_that_does_not_take_it(void **state)
{
    struct tokens *tokens = parse("A");
    struct log log;

    (void)state;
    dir = tmpdir_write(dir, "file", 0600, "");
    log_init(&log, LOG_INFO, LOG_TEXT);
    log.sink = count_warning;
    atomic_store(&warnings, 0);
    const struct log *before = log_use(&log);
    struct last_used *used = last_used_create(dir);
    last_used_change(used, tokens);
    assert_int_equal(atomic_load(&warnings), 1); /* not known */
    use(used, tokens, 'A', true);
    while (atomic_load(&warnings) == 1) /* not kept */
        sched_yield();
    last_used_tell(used);
    last_used_destroy(used);
    assert_int_equal(atomic_load(&warnings), 2);
    log_use(before);
    tokens_destroy(tokens);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(at_once_and_at_the_end),
        TEST(the_next_start_knows_them),
        TEST(other_tokens_while_it_runs),
        TEST(a_place_that_does_not_take_it),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
