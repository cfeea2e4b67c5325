/* test_backup.c - `studio-agent backup`, and what reads a copy of the store while an agent runs on it. */
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/smalldisk.h"
#include "support/storedir.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define UPDATED "{\"status\":\"updated\",\"table_id\":\"BAK-001\"}"

enum {
    FIELDS = 15,
    VALUE = 1000,
    SOME = 5,
    MANY = 500 /* updates: 15 MB, for which a copy takes a second */
};

static const char *small_disk;

static struct agent_proc *start(const char *data)
{
    return agent_proc_start(
        &(struct agent_options){.data = data, .config = "[limits]\nupdates_per_second = 0\n"});
}

static void send_update(struct wsclient *c, int n)
{
    char text[FIELDS * (VALUE + 16)] = "{";
    size_t len = 1;
    for (int i = 0; i < FIELDS; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s\"f%d\":\"%0*d\"", i ? "," : "",
                                i, VALUE, n);
    snprintf(text + len, sizeof text - len, "}");
    wsclient_send(c, text);
}

/* So many large updates, the next before the last is answered. */
static void fill(struct wsclient *c, int count)
{
    for (int i = 0; i < count; i++) {
        send_update(c, i);
        if (i > 0)
            wsclient_expect(c, UPDATED);
    }
    wsclient_expect(c, UPDATED);
}

static struct wsclient *device(struct agent_proc *a)
{
    return wsclient_login(agent_proc_port(a), "BAK-001_pc", TOKEN_DEVICE);
}

static struct proc *spawn_backup(const char *data, const char *file)
{
    const char *argv[] = {studio_program("studio-agent"), "backup", file, "--data", data, NULL};
    return proc_spawn(argv, NULL);
}

/* Its exit code; what it said in *out and *err. */
static int backup(const char *data, const char *file, char **out, char **err)
{
    const char *argv[] = {studio_program("studio-agent"), "backup", file, "--data", data, NULL};
    return proc_run(argv, NULL, out, err);
}

static size_t files_in(const char *dir)
{
    size_t n = 0;
    const struct dirent *entry;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while ((entry = readdir(d)))
        n += entry->d_name[0] != '.';
    closedir(d);
    return n;
}

static unsigned long long newest_of(const char *said)
{
    unsigned long long seq;
    const char *at = strstr(said, "all up to event ");
    if (!at || sscanf(at, "all up to event %llu", &seq) != 1)
        test_fail("no number in: %s", said);
    return seq;
}

/* A folder in which the copy is the store. */
static const char *put_back(const char *file)
{
    const char *data = tmpdir_create();
    assert_int_equal(rename(file, tmpdir_path(data, "studio.db")), 0);
    return data;
}

static char *export_of(const char *data)
{
    char *out;
    assert_int_equal(storedir_command("export", data, NULL, &out, NULL), 0);
    return out;
}

/* The lines of events in an export; only those up to `last`. The text is cut. */
static char *events_of(char *lines, unsigned long long last)
{
    char *from = strchr(lines, '\n') + 1, *to = from;
    while (strncmp(to, "{\"seq\":", 7) == 0 && strtoull(to + 7, NULL, 10) <= last)
        to = strchr(to, '\n') + 1;
    *to = '\0';
    return from;
}

/* All that was acknowledged before it began, nothing by half, the same bytes. */
static void a_copy_under_load(void **state)
{
    (void)state;
    const char *file = tmpdir_path(tmpdir_create(), "copy.db");
    struct agent_proc *a = start(NULL);
    struct wsclient *c = device(a);
    fill(c, MANY);
    struct proc *p = spawn_backup(agent_proc_data(a), file);
    int sent = 0;
    while (proc_running(p)) {
        send_update(c, sent++);
        wsclient_expect(c, UPDATED);
    }
    assert_int_equal(proc_wait(p, WAIT_MS), 0);
    char *said = proc_output(p, PROC_STDOUT);
    unsigned long long seq = newest_of(said);
    assert_in_range(seq, MANY + 1, MANY + 1 + sent);
    assert_non_null(strstr(said, "studio-agent store restored --data"));
    struct stat about;
    assert_int_equal(stat(file, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    wsclient_close(c);
    agent_proc_stop(a);
    const char *data = put_back(file);
    storedir_expect("check", data, 0, "no fault found");
    char *theirs = export_of(agent_proc_data(a)), *ours = export_of(data);
    assert_int_equal(json_number(ours, "last_seq"), seq);
    const char *expected = events_of(theirs, seq);
    assert_string_equal(events_of(ours, UINT64_MAX), expected);
    free(theirs);
    free(ours);
    free(said);
    proc_destroy(p);
    agent_proc_destroy(a);
}

/* The table in the copy is as the copy's last event left it, and numbers go on under a new epoch. */
static void a_start_with_it(void **state)
{
    (void)state;
    const char *file = tmpdir_path(tmpdir_create(), "copy.db");
    char *out;
    struct agent_proc *a = start(NULL);
    struct wsclient *c = device(a);
    fill(c, SOME);
    assert_int_equal(backup(agent_proc_data(a), file, &out, NULL), 0);
    assert_int_equal(newest_of(out), SOME + 1);
    free(out);
    fill(c, 1);
    wsclient_close(c);
    const char *data = put_back(file);
    assert_int_equal(storedir_command("restored", data, NULL, NULL, NULL), 0);
    struct agent_proc *b = start(data);
    c = wsclient_connect(agent_proc_port(b), "/?id=BAK-001_pc&token=" TOKEN_DEVICE);
    expect_json(wsclient_text(c), "UPTIME", "5");
    fill(c, 1);
    wsclient_close(c);
    agent_proc_stop(b);
    char *before = export_of(agent_proc_data(a)), *after = export_of(data);
    assert_int_equal(json_number(after, "last_seq"), SOME + 2);
    char *old = json_at(before, "epoch"), *new = json_at(after, "epoch");
    assert_string_not_equal(old, new);
    free(old);
    free(new);
    free(before);
    free(after);
    agent_proc_destroy(b);
    agent_proc_destroy(a);
}

static void of_a_store_without_an_agent(void **state)
{
    (void)state;
    for (int killed = 0; killed < 2; killed++) {
        const char *file = tmpdir_path(tmpdir_create(), "copy.db");
        char *out;
        struct agent_proc *a = start(NULL);
        struct wsclient *c = device(a);
        fill(c, SOME);
        wsclient_close(c);
        if (killed)
            agent_proc_kill(a);
        else
            agent_proc_stop(a);
        struct storedir_files files = storedir_read(agent_proc_data(a));
        assert_int_equal(backup(agent_proc_data(a), file, &out, NULL), 0);
        assert_int_equal(newest_of(out), SOME + 1);
        storedir_expect_unchanged(agent_proc_data(a), &files);
        storedir_finish(&files);
        const char *data = put_back(file);
        char *theirs = export_of(agent_proc_data(a)), *ours = export_of(data);
        assert_string_equal(ours, theirs);
        free(theirs);
        free(ours);
        free(out);
        agent_proc_destroy(a);
    }
}

/* Waits until the agent has written into the only file of the folder. */
static void wait_for_part(const char *dir)
{
    int64_t deadline = now_ms() + WAIT_MS;
    struct stat about = {.st_size = 0};
    while (about.st_size == 0) {
        const struct dirent *entry;
        DIR *d = opendir(dir);
        assert_non_null(d);
        while ((entry = readdir(d)))
            if (entry->d_name[0] != '.')
                (void)fstatat(dirfd(d), entry->d_name, &about, 0);
        closedir(d);
        assert_true(now_ms() < deadline);
        sched_yield();
    }
}

static void nothing_by_half_is_left(void **state)
{
    (void)state;
    enum { AGENT_KILLED, AGENT_STOPPED, ENDED, CASES };
    struct agent_proc *a = start(NULL);
    struct wsclient *c = device(a);
    fill(c, MANY);
    wsclient_close(c);
    for (int which = 0; which < CASES; which++) {
        const char *dir = tmpdir_create(), *file = tmpdir_path(dir, "copy.db");
        struct proc *p = spawn_backup(agent_proc_data(a), file);
        wait_for_part(dir);
        if (which == AGENT_KILLED)
            agent_proc_kill(a);
        else if (which == AGENT_STOPPED)
            agent_proc_stop(a);
        else
            proc_kill(p);
        assert_int_not_equal(access(file, F_OK), 0);
        if (which == ENDED) { /* what is left says what it is, and the agent makes no more of it */
            assert_int_equal(files_in(dir), 1);
            free(proc_wait_line(agent_proc_proc(a), PROC_STDERR,
                                "a copy was not finished: whoever asked for it has gone", WAIT_MS));
        } else {
            assert_int_equal(proc_wait(p, WAIT_MS), 1);
            assert_int_equal(files_in(dir), 0);
            agent_proc_restart(a);
        }
        proc_destroy(p);
    }
    agent_proc_destroy(a);
}

static void a_file_that_is_there_stays(void **state)
{
    (void)state;
    const char *dir = tmpdir_create(), *file = tmpdir_path(dir, "copy.db");
    char *err, *text;
    struct agent_proc *a = start(NULL);
    tmpdir_write(dir, "copy.db", 0600, "mine");
    assert_int_equal(backup(agent_proc_data(a), file, NULL, &err), 2);
    assert_non_null(strstr(err, "is there already"));
    free(err);
    text = tmpdir_read(file, NULL);
    assert_string_equal(text, "mine");
    free(text);
    assert_int_equal(backup(agent_proc_data(a), "/nonexistent/copy.db", NULL, &err), 2);
    assert_non_null(strstr(err, "No such file or directory"));
    free(err);
    assert_int_equal(files_in(dir), 1);
    agent_proc_destroy(a);
}

static void a_disk_without_room(void **state)
{
    (void)state;
    if (!small_disk)
        skip();
    const char *file = tmpdir_path(small_disk, "copy.db");
    char *err;
    struct agent_proc *a = start(NULL);
    struct wsclient *c = device(a);
    fill(c, MANY / 2);
    assert_int_equal(backup(agent_proc_data(a), file, NULL, &err), 1);
    assert_non_null(strstr(err, "there is no room for the copy: it needs"));
    assert_int_equal(files_in(small_disk), 0);
    fill(c, 1);
    free(err);
    wsclient_close(c);
    agent_proc_destroy(a);
}

/* What they read is the store as it is, and the agent's folder has no file more. */
static void commands_that_read_beside_an_agent(void **state)
{
    (void)state;
    struct agent_proc *a = start(NULL);
    struct wsclient *c = device(a);
    fill(c, SOME);
    size_t files = files_in(agent_proc_data(a));
    storedir_expect("check", agent_proc_data(a), 0, "no fault found");
    storedir_expect("check", agent_proc_data(a), 0, "6 events (1 to 6)");
    char *running = export_of(agent_proc_data(a));
    assert_int_equal(files_in(agent_proc_data(a)), files);
    wsclient_close(c);
    agent_proc_stop(a);
    char *stopped = export_of(agent_proc_data(a));
    assert_string_equal(running, stopped);
    free(running);
    free(stopped);
    agent_proc_destroy(a);
}

static void one_at_a_time(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    char *err;
    struct agent_proc *a = start(NULL);
    struct wsclient *c = device(a);
    fill(c, MANY);
    struct proc *p = spawn_backup(agent_proc_data(a), tmpdir_path(dir, "one.db"));
    wait_for_part(dir);
    assert_int_equal(backup(agent_proc_data(a), tmpdir_path(dir, "two.db"), NULL, &err), 1);
    assert_non_null(strstr(err, "a copy is being made already"));
    assert_int_equal(proc_wait(p, WAIT_MS), 0);
    assert_int_equal(files_in(dir), 1);
    assert_int_equal(backup(agent_proc_data(a), tmpdir_path(dir, "two.db"), NULL, NULL), 0);
    proc_destroy(p);
    free(err);
    wsclient_close(c);
    agent_proc_destroy(a);
}

int main(void)
{
    small_disk = smalldisk_mount();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_under_load),
        cmocka_unit_test(a_start_with_it),
        cmocka_unit_test(of_a_store_without_an_agent),
        cmocka_unit_test(nothing_by_half_is_left),
        cmocka_unit_test(a_file_that_is_there_stays),
        cmocka_unit_test(a_disk_without_room),
        cmocka_unit_test(commands_that_read_beside_an_agent),
        cmocka_unit_test(one_at_a_time),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    smalldisk_unmount();
    return failed;
}
