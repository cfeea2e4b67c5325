/* setup_rig.h - a folder with an agent.ini, one with a Mosquitto's configuration, and `studio-agent setup` over both. One
 * source of a program includes it. */
#ifndef TESTS_INTEGRATION_SETUP_RIG_H
#define TESTS_INTEGRATION_SETUP_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tmpdir.h"

static const char *dir, *ini, *mosquitto, *data;

/* Runs `studio-agent args...`; both are to be free()d. Inline gcc 12 takes it for the variable it comes from. */
__attribute__((noinline)) static void run_both(const char *const args[], int expected, char **out,
                                               char **err)
{
    const char *argv[16] = {studio_program("studio-agent")};
    int code;

    for (size_t i = 0; args[i]; i++)
        argv[i + 1] = args[i];
    code = proc_run(argv, NULL, out, err);
    if (code != expected)
        test_fail("exit %d of %s %s\n%s%s", code, args[0], args[1] ? args[1] : "", *out, *err);
}

/* What it printed, or why it failed, as is expected; free(). Inline gcc 12 takes it for a variable that is gone. */
__attribute__((noinline)) static char *run(const char *const args[], int expected)
{
    char *out, *err;

    run_both(args, expected, &out, &err);
    free(expected == 0 ? err : out);
    return expected == 0 ? out : err;
}

static inline void ran(const char *const args[])
{
    free(run(args, 0));
}

static inline void begin(void)
{
    char *text;

    dir = tmpdir_create();
    data = tmpdir_path(dir, "data");
    mosquitto = tmpdir_path(dir, "mosquitto");
    assert_int_equal(mkdir(data, 0700), 0);
    assert_int_equal(mkdir(mosquitto, 0755), 0);
    assert_int_equal(mkdir(tmpdir_path(mosquitto, "conf.d"), 0755), 0);
    text = test_printf("; of a test\n[websocket]\nlisten = localhost:8080\n[store]\ndata = %s\n",
                       data);
    ini = tmpdir_write(dir, "agent.ini", 0600, text);
    free(text);
}

static inline char *set_up(int expected)
{
    return run((const char *[]){"setup", "agent.test", "-c", ini, "--mosquitto", mosquitto, NULL},
               expected);
}

static inline char *content(const char *name)
{
    char *text = tmpdir_read(tmpdir_path(dir, name), NULL);

    assert_non_null(text);
    return text;
}

static inline bool is_there(const char *folder, const char *name)
{
    struct stat about;

    return stat(tmpdir_path(folder, name), &about) == 0;
}

#endif
