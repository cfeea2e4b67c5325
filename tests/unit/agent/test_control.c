/* test_control.c - commands over the socket in the data directory. */
#include "control.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tmpdir.h"

static const char *dir;
static struct control *control;
static unsigned carried_out;

static bool carry_out(void *ctx, struct control_call *call, struct buf *answer)
{
    (void)ctx;
    carried_out++;
    if (call->file >= 0 &&
        strcmp(call->command, "slow") == 0) { /* somebody else would do so later */
        static const char text[] = "at 1 3\nat 2 3\nok in the file";
        call->taken = true;
        assert_int_equal(write(call->file, "written", 7), 7);
        assert_int_equal(write(call->caller, text, strlen(text)), strlen(text));
        close(call->file);
        close(call->caller);
        return true;
    }
    buf_printf(answer, "did %s\nindeed", call->command);
    return strcmp(call->command, "fail") != 0;
}

static int setup(void **state)
{
    struct studio_error error;

    (void)state;
    dir = tmpdir_create();
    carried_out = 0;
    return control_open(dir, carry_out, NULL, &control, &error) == STUDIO_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    control_close(control);
    control = NULL;
    return 0;
}

static void expect(const char *command, bool fine, const char *text)
{
    struct studio_error error;
    struct buf answer;
    bool ok = !fine;

    buf_init(&answer, 4096);
    assert_int_equal(control_ask(dir, command, &ok, &answer, &error), STUDIO_OK);
    assert_int_equal(ok, fine);
    assert_string_equal(answer.data, text);
    buf_finish(&answer);
}

static void commands_and_what_comes_of_them(void **state)
{
    (void)state;
    expect("reload", true, "did reload\nindeed");
    expect("fail", false, "did fail\nindeed");
    expect("reload", true, "did reload\nindeed");
    assert_int_equal(carried_out, 3);
}

static unsigned long long told;

static void hear(uint64_t done, uint64_t total)
{
    assert_int_equal(done, ++told);
    assert_int_equal(total, 3);
}

static void a_file_goes_along(void **state)
{
    struct studio_error error;
    struct buf answer;
    bool ok = false;
    char *text;
    const char *path = tmpdir_path(tmpdir_create(), "file");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    (void)state;
    told = 0;
    buf_init(&answer, 4096);
    assert_int_equal(control_ask_long(dir, "slow", fd, hear, &ok, &answer, &error), STUDIO_OK);
    assert_true(ok);
    assert_string_equal(answer.data, "in the file");
    assert_int_equal(told, 2);
    text = tmpdir_read(path, NULL);
    assert_string_equal(text, "written");
    buf_clear(&answer);
    /* To a command that is not about one it is nothing. */
    assert_int_equal(control_ask_long(dir, "reload", fd, NULL, &ok, &answer, &error), STUDIO_OK);
    assert_string_equal(answer.data, "did reload\nindeed");
    buf_finish(&answer);
    free(text);
    close(fd);
}

static void expect_nobody(const char *where)
{
    struct studio_error error;
    struct buf answer;
    bool ok;

    buf_init(&answer, 4096);
    assert_int_equal(control_ask(where, "reload", &ok, &answer, &error), STUDIO_ERR_NOT_CONNECTED);
    assert_non_null(strstr(error.text, "no agent runs on "));
    buf_finish(&answer);
}

static void nobody_is_there(void **state)
{
    char *path = test_printf("%s/control", dir);
    struct studio_error error;

    (void)state;
    expect_nobody("/nonexistent");
    control_close(control);
    control = NULL;
    assert_int_not_equal(access(path, F_OK), 0);
    expect_nobody(dir);
    /* What an agent that was killed leaves behind is no agent, and in nobody's way. */
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) <
                (int)sizeof(address.sun_path));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    expect_nobody(dir);
    assert_int_equal(control_open(dir, carry_out, NULL, &control, &error), STUDIO_OK);
    expect("reload", true, "did reload\nindeed");
    free(path);
}

static void only_for_the_owner(void **state)
{
    struct stat about;
    char *path = test_printf("%s/control", dir);

    (void)state;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    free(path);
}

/* Neither who says nothing nor who says too much keeps others waiting for long. */
static void callers_without_manners(void **state)
{
    char *path = test_printf("%s/control", dir);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)state;
    assert_true(snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) <
                (int)sizeof(address.sun_path));
    for (int i = 0; i < 3; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        if (i == 1)
            assert_int_equal(write(fd, path, strlen(path)), strlen(path));
        for (int k = 0; i == 2 && k < 10; k++)
            (void)!send(fd, path, strlen(path), MSG_NOSIGNAL);
        if (i > 0)
            close(fd);
        expect("reload", true, "did reload\nindeed");
        if (i == 0)
            close(fd);
    }
    free(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(commands_and_what_comes_of_them),
        TEST(a_file_goes_along),
        TEST(nobody_is_there),
        TEST(only_for_the_owner),
        TEST(callers_without_manners),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
