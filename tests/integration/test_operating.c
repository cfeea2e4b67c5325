/* test_operating.c - the commands of agent/OPERATING.md, as they stand there but in folders of the test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

static const char *dir;

/* `text` with the folder of the test before each path of the page that is its own; free(). */
static char *here(const char *text)
{
    static const char *const paths[] = {"/var/lib/studio-agent", "/etc/studio-agent",
                                        "/var/backups", "/var/log", "/tmp/support.txt"};
    char *out = test_printf("%s", ""), *longer;
    while (*text) {
        bool ours = false;
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
            ours |= strncmp(text, paths[i], strlen(paths[i])) == 0;
        longer = test_printf("%s%s%c", out, ours ? dir : "", *text++);
        free(out);
        out = longer;
    }
    return out;
}

static void run(const char *line)
{
    const char *bin = getenv("STUDIO_BIN");
    char *command = here(line), *path = test_printf("PATH=%s:/usr/bin:/bin", bin ? bin : "");
    const char *argv[] = {"/bin/sh", "-c", command, NULL}, *env[] = {path, NULL};
    char *out, *err;
    const int code = proc_run(argv, env, &out, &err);
    if (code != 0)
        test_fail("exit %d of: %s\n%s%s", code, command, out, err);
    free(command);
    free(path);
    free(out);
    free(err);
}

static struct proc *start(void)
{
    const char *argv[] = {studio_program("studio-agent"), "-c",
                          tmpdir_path(dir, "etc/studio-agent/agent.ini"), NULL};
    struct proc *a = proc_spawn(argv, NULL);
    free(proc_wait_line(a, PROC_STDOUT, "listening on", WAIT_MS));
    return a;
}

static void set_the_stage(void)
{
    dir = tmpdir_create();
    char *made = test_printf("cd %s && mkdir -p var/lib etc/studio-agent var/backups var/log tmp &&"
                             "mkdir -m 700 var/lib/studio-agent &&"
                             "echo a line >var/log/studio-agent.log",
                             dir);
    const char *argv[] = {"/bin/sh", "-c", made, NULL};
    assert_int_equal(proc_run(argv, NULL, NULL, NULL), 0);
    char *ini = test_printf("[websocket]\nlisten = localhost:0\n[store]\n"
                            "data = %s/var/lib/studio-agent\n",
                            dir);
    tmpdir_write(dir, "etc/studio-agent/agent.ini", 0600, ini);
    tokens_write_default(tmpdir_path(dir, "var/lib/studio-agent"));
    free(ini);
    free(made);
}

static bool is_for_us(const char *line)
{
    if (strncmp(line, "studio-agent setup", 18) == 0)
        return false; /* of another machine's broker: tests/systemd/run */
    return strncmp(line, "studio-agent ", 13) == 0 || strncmp(line, "cp -pr ", 7) == 0;
}

/* A backup is put back with no agent there. */
static void each_command_of_the_page(void **state)
{
    (void)state;
    const char *source = getenv("STUDIO_SOURCE");
    assert_non_null(source);
    char *page = tmpdir_read(tmpdir_path(source, "agent/OPERATING.md"), NULL), *rest = page, *line;
    assert_non_null(page);
    set_the_stage();
    struct proc *a = start();
    unsigned commands = 0;
    bool in_block = false;
    while ((line = strsep(&rest, "\n"))) {
        if (strncmp(line, "```", 3) == 0)
            in_block = strcmp(line, "```sh") == 0;
        if (!in_block || !is_for_us(line))
            continue;
        if (a && strstr(line, "store restored")) {
            assert_int_equal(proc_stop(a, WAIT_MS), 0);
            proc_destroy(a);
            a = NULL;
        }
        run(line);
        commands++;
    }
    assert_in_range(commands, 10, 40);
    proc_destroy(a);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_of_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
