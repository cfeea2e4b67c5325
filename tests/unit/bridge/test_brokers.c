/* test_brokers.c - the list of brokers and who logs in where. */
#include "bridge/brokers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka_all.h"

static struct brokers b;
static struct studio_error error;

static enum studio_err read_config(const char *uris, const char *username, const char *password,
                                   const char *password_file)
{
    const struct bridge_config config = {.brokers = uris,
                                         .username = username,
                                         .password = password,
                                         .password_file = password_file};

    error.text[0] = '\0';
    return brokers_init(&b, &config, &error);
}

static void schemes_become_the_librarys(void **state)
{
    (void)state;
    assert_int_equal(
        read_config("mqtt://a, tcp://b:1884 ,mqtts://c,ssl://[::1]:8883", NULL, NULL, NULL),
        STUDIO_OK);
    assert_int_equal(b.count, 4);
    assert_string_equal(b.list[0].uri, "tcp://a");
    assert_string_equal(b.list[0].name, "mqtt://a");
    assert_string_equal(b.list[1].uri, "tcp://b:1884");
    assert_string_equal(b.list[2].uri, "ssl://c");
    assert_string_equal(b.list[3].uri, "ssl://[::1]:8883");
    assert_null(b.list[0].login.username);
    brokers_finish(&b);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *uris, *says;
    } cases[] = {
        {"http://a", "expected mqtt://HOST:PORT"},
        {"a:1883", "expected mqtt://HOST:PORT"},
        {"", "expected mqtt://HOST:PORT"},
        {"mqtt://a,", "expected mqtt://HOST:PORT"},
        {"mqtt://", "expected mqtt://HOST or"},
        {"mqtt://a:0", "expected mqtt://HOST or"},
        {"mqtt://a:65536", "expected mqtt://HOST or"},
        {"mqtt://a:x", "expected mqtt://HOST or"},
        {"mqtt://a/path", "expected mqtt://HOST or"},
        {"mqtt://[::1", "expected mqtt://HOST or"},
        {"mqtt://me:secret@a", "must not contain credentials"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(read_config(cases[i].uris, NULL, NULL, NULL), STUDIO_ERR_USAGE);
        if (!strstr(error.text, cases[i].says))
            fail_msg("%s: %s", cases[i].uris, error.text);
        assert_null(strstr(error.text, "secret"));
        brokers_finish(&b);
    }
}

static void too_many_are_refused(void **state)
{
    char uris[512] = "mqtt://a";

    (void)state;
    for (int i = 0; i < BROKERS_MAX; i++)
        strcat(uris, ",mqtt://a");
    assert_int_equal(read_config(uris, NULL, NULL, NULL), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "more than 16 brokers"));
    brokers_finish(&b);
}

static void one_login_serves_all(void **state)
{
    (void)state;
    assert_int_equal(read_config("mqtt://a,mqtt://b", "me", "a,b", NULL), STUDIO_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(b.list[i].login.username, "me");
        assert_string_equal(b.list[i].login.password, "a,b"); /* a password may contain a comma */
    }
    brokers_finish(&b);
}

static void write_passwords(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void each_broker_may_have_its_own(void **state)
{
    char path[64], password[BROKER_PASSWORD_MAX];
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "%s/passwordsXXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : P_tmpdir);
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, " first \r\n\nthird", 15), 15);
    close(fd);
    assert_int_equal(read_config("mqtt://a,mqtt://b,mqtt://c", "u1,,u3", NULL, path), STUDIO_OK);
    assert_string_equal(b.list[0].login.username, "u1");
    assert_null(b.list[1].login.username);
    assert_string_equal(b.list[2].login.username, "u3");
    assert_string_equal(b.list[0].login.password, " first ");
    assert_null(b.list[1].login.password);
    assert_string_equal(b.list[2].login.password, "third");
    write_passwords(path, "new\n");
    assert_string_equal(broker_password(&b.list[0], &b.list[0].login, password),
                        "new"); /* one for all */
    write_passwords(path, "1\n\n3\n");
    assert_null(broker_password(&b.list[1], &b.list[1].login, password));
    assert_string_equal(broker_password(&b.list[2], &b.list[2].login, password), "3");
    write_passwords(path, "1\n2\n"); /* half written */
    assert_string_equal(broker_password(&b.list[2], &b.list[2].login, password), "third");
    write_passwords(path, " first \r\n\nthird");
    brokers_finish(&b);

    assert_int_equal(read_config("mqtt://a,mqtt://b", NULL, NULL, path), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "3 passwords for 2 brokers"));
    brokers_finish(&b);
    unlink(path);
    assert_int_equal(read_config("mqtt://a", NULL, NULL, path), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "cannot read mqtt.password_file"));
    brokers_finish(&b);
    assert_int_equal(read_config("mqtt://a", "x,y", NULL, NULL), STUDIO_ERR_USAGE);
    brokers_finish(&b);
}

static void commands_have_theirs(void **state)
{
    const struct bridge_config config = {.brokers = "mqtt://a,mqtt://b",
                                         .username = "me",
                                         .password = "secret",
                                         .command_username = "mine,",
                                         .command_password = "other"};
    char password[BROKER_PASSWORD_MAX];

    (void)state;
    assert_int_equal(brokers_init(&b, &config, &error), STUDIO_OK);
    for (size_t i = 0; i < 2; i++) {
        const struct login *mirror = broker_login(&b.list[i], false);
        const struct login *commands = broker_login(&b.list[i], true);

        assert_string_equal(mirror->username, "me");
        assert_string_equal(broker_password(&b.list[i], mirror, password), "secret");
        assert_string_equal(commands->username, i == 0 ? "mine" : "me");
        assert_string_equal(broker_password(&b.list[i], commands, password),
                            i == 0 ? "other" : "secret");
    }
    brokers_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemes_become_the_librarys),  cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(too_many_are_refused),         cmocka_unit_test(one_login_serves_all),
        cmocka_unit_test(each_broker_may_have_its_own), cmocka_unit_test(commands_have_theirs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
