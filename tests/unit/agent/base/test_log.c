#include "base/times.h"
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

/* Standard error goes to a file while a test runs. */
struct capture {
    FILE *file;
    int saved;
    char text[65536];
};

static void capture_start(struct capture *c)
{
    c->file = tmpfile();
    assert_non_null(c->file);
    c->saved = dup(STDERR_FILENO);
    assert_true(c->saved >= 0);
    assert_true(dup2(fileno(c->file), STDERR_FILENO) >= 0);
}

static const char *capture_stop(struct capture *c)
{
    assert_true(dup2(c->saved, STDERR_FILENO) >= 0);
    close(c->saved);
    rewind(c->file);
    size_t n = fread(c->text, 1, sizeof(c->text) - 1, c->file);
    c->text[n] = '\0';
    fclose(c->file);
    return c->text;
}

static struct log used;

static void use(enum log_level level, enum log_format format)
{
    log_init(&used, level, format);
    log_use(&used);
}

static void test_text_line(void **state)
{
    (void)state;
    struct capture c;
    use(LOG_INFO, LOG_TEXT);
    capture_start(&c);
    log_warn("store", "took %d ms", 7);
    log_debug("store", "not shown");
    const char *text = capture_stop(&c);
    assert_int_equal(strlen(text), TIME_MS_LEN + strlen(" warn store: took 7 ms\n"));
    assert_string_equal(text + TIME_MS_LEN, " warn store: took 7 ms\n");
}

static void test_json_line(void **state)
{
    (void)state;
    struct capture c;
    use(LOG_DEBUG, LOG_JSON);
    capture_start(&c);
    log_error("ws", "said \"%s\"", "no\n\x1b[31m");
    const char *text = capture_stop(&c);
    assert_memory_equal(text, "{\"ts\":\"2", 8);
    assert_string_equal(
        strchr(text, 'Z'),
        "Z\",\"level\":\"error\",\"module\":\"ws\",\"msg\":\"said \\\"no??[31m\\\"\"}\n");
}

/* What systemd gives a service, if `ours`; else what a service's child has inherited. */
static void begin_journal(struct capture *c, bool ours)
{
    struct stat about;
    char stream[64];
    capture_start(c);
    assert_int_equal(fstat(STDERR_FILENO, &about), 0);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)about.st_dev,
             (uintmax_t)about.st_ino + !ours);
    setenv("JOURNAL_STREAM", stream, 1);
}

static const char *end_journal(struct capture *c)
{
    unsetenv("JOURNAL_STREAM");
    return capture_stop(c);
}

static void test_journal(void **state)
{
    (void)state;
    struct capture c;
    begin_journal(&c, true);
    use(LOG_DEBUG, LOG_TEXT);
    log_error("store", "a");
    log_warn("store", "b");
    log_info("store", "c");
    log_debug("store", "d");
    assert_string_equal(log_mark(LOG_ERROR), "<3>");
    assert_string_equal(end_journal(&c), "<3>error store: a\n<4>warn store: b\n"
                                         "<6>info store: c\n<7>debug store: d\n");
    begin_journal(&c, true);
    use(LOG_DEBUG, LOG_JSON);
    log_warn("ws", "x");
    assert_memory_equal(end_journal(&c), "<4>{\"ts\":\"2", 11);
    begin_journal(&c, false);
    use(LOG_INFO, LOG_TEXT);
    log_warn("ws", "x");
    assert_string_equal(log_mark(LOG_ERROR), "");
    assert_string_equal(end_journal(&c) + TIME_MS_LEN, " warn ws: x\n");
}

static void test_levels(void **state)
{
    (void)state;
    struct capture c;
    use(LOG_ERROR, LOG_TEXT);
    assert_true(log_enabled(LOG_ERROR));
    assert_false(log_enabled(LOG_WARN));
    capture_start(&c);
    log_warn("x", "hidden");
    log_info("x", "hidden");
    assert_string_equal(capture_stop(&c), "");
    use(LOG_DEBUG, LOG_TEXT);
    capture_start(&c);
    log_info("x", "a");
    log_debug("x", "b");
    const char *text = capture_stop(&c);
    assert_non_null(strstr(text, " info x: a\n"));
    assert_non_null(strstr(text, " debug x: b\n"));
}

static void test_long_and_hostile_text(void **state)
{
    (void)state;
    struct capture c;
    char text[5000];
    memset(text, '"', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    use(LOG_INFO, LOG_JSON);
    capture_start(&c);
    log_info("x", "%s", text);
    log_info("x", "%s", "bad \xff utf");
    const char *out = capture_stop(&c);
    const char *end = strchr(out, '\n');
    assert_non_null(end);
    assert_true(end - out > 2048);
    assert_memory_equal(end - 3, "\"\"}", 3);
    assert_non_null(strstr(end, "\"msg\":\"bad ? utf\"}\n"));
    use(LOG_INFO, LOG_TEXT);
}

static void test_limited(void **state)
{
    (void)state;
    struct capture c;
    struct log_limit limit = {0};
    use(LOG_INFO, LOG_TEXT);
    capture_start(&c);
    for (int i = 0; i < 5; i++)
        log_limited(&limit, LOG_WARN, "x", "line %d", i);
    limit.next_ms = 0; /* as if the time had passed */
    log_limited(&limit, LOG_WARN, "x", "line %d", 5);
    const char *text = capture_stop(&c);
    assert_non_null(strstr(text, "x: line 0\n"));
    assert_null(strstr(text, "line 1"));
    assert_non_null(strstr(text, "x: line 5 (4 more left out)\n"));
    assert_int_equal(limit.dropped, 0);
}

enum { THREADS = 4, LINES = 100 };

static void *write_lines(void *arg)
{
    for (int i = 0; i < LINES; i++)
        log_info("thread", "%s", (const char *)arg);
    return NULL;
}

static void test_threads_do_not_mix(void **state)
{
    (void)state;
    struct capture c;
    pthread_t threads[THREADS];
    char text[] = "a line of some length";
    use(LOG_INFO, LOG_TEXT);
    capture_start(&c);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, text), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    char *rest = (char *)capture_stop(&c);
    int count = 0;
    for (char *line = strtok_r(rest, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        assert_string_equal(line + TIME_MS_LEN, " info thread: a line of some length");
        count++;
    }
    assert_int_equal(count, THREADS * LINES);
}

static void keep(void *ctx, int level, const char *module, const char *message)
{
    struct buf *kept = ctx;
    buf_printf(kept, "%d %s: %s\n", level, module, message);
}

static void *log_to(void *arg)
{
    log_use(arg);
    log_info("thread", "to \"%s\"\n", "its own");
    log_debug("thread", "not by everybody");
    return NULL;
}

/* Two agents in one process: each line goes where the thread's agent wants it. */
static void test_each_thread_has_its_log(void **state)
{
    (void)state;
    struct buf kept[2];
    struct log logs[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        buf_init(&kept[i], 1000);
        logs[i] =
            (struct log){.level = i == 0 ? LOG_INFO : LOG_DEBUG, .sink = keep, .ctx = &kept[i]};
        assert_int_equal(pthread_create(&threads[i], NULL, log_to, &logs[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_string_equal(kept[0].data, "2 thread: to \"its own\"?\n");
    assert_string_equal(kept[1].data, "2 thread: to \"its own\"?\n3 thread: not by everybody\n");
    buf_finish(&kept[0]);
    buf_finish(&kept[1]);

    const struct log *before = log_use(&logs[0]);
    assert_ptr_equal(log_used(), &logs[0]);
    assert_ptr_equal(log_use(NULL), &logs[0]);
    assert_true(log_enabled(LOG_INFO));
    assert_false(log_enabled(LOG_DEBUG));
    log_use(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_thread_has_its_log),
        cmocka_unit_test(test_text_line),
        cmocka_unit_test(test_json_line),
        cmocka_unit_test(test_journal),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_long_and_hostile_text),
        cmocka_unit_test(test_limited),
        cmocka_unit_test(test_threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
