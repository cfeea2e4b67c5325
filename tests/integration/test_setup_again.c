/* test_setup_again.c - `studio-agent setup` where something lies already: what somebody made stays, what a setup that was
 * interrupted made does not stand in the way. */
#include "setup_rig.h"
#include "support/broker.h"
#include "support/mqttclient.h"

/* Refused with words that have `named`, and nothing is made. */
static void refused(const char *named)
{
    char *before = content("agent.ini"), *after, *why = set_up(2);

    if (!strstr(why, named))
        test_fail("nothing of %s in: %s", named, why);
    after = content("agent.ini");
    assert_string_equal(after, before);
    assert_false(is_there(dir, "ca.pem"));
    free(before);
    free(after);
    free(why);
}

static void what_somebody_made_stays(void **state)
{
    static const struct {
        const char *folder, *name;
    } theirs[] = {{"", "tls.pem"},
                  {"", "tls.key"},
                  {"", "ca.key"},
                  {"mosquitto/conf.d", "studio.conf"},
                  {"mosquitto/studio", "tls.pem"},
                  {"mosquitto/studio", "tls.key"},
                  {"mosquitto/studio", "passwd"},
                  {"mosquitto/studio", "acl"}};

    (void)state;
    for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
        const char *folder, *path;
        char *text;

        begin();
        folder = tmpdir_path(dir, theirs[i].folder);
        if (!is_there(folder, "."))
            assert_int_equal(mkdir(folder, 0700), 0);
        path = tmpdir_write(folder, theirs[i].name, 0600, "of somebody\n");
        refused(theirs[i].name);
        text = tmpdir_read(path, NULL);
        assert_string_equal(text, "of somebody\n");
        free(text);
        assert_int_equal(remove(path), 0);
        free(set_up(0));
    }
}

/* A login of somebody's without the broker that it is for. */
static void settings_of_somebody_stay(void **state)
{
    static const struct {
        const char *text, *named;
    } theirs[] = {
        {"[mqtt]\nusername = me\n", "mqtt.username"},
        {"[mqtt]\nusername = me\npassword_file = /etc/mine\n", "mqtt.username"},
        {"[mqtt]\nuser_files = /etc/mosquitto/mine\n", "mqtt.user_files"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
        begin();
        ini = tmpdir_write(dir, "agent.ini", 0600, theirs[i].text);
        refused(theirs[i].named);
    }
}

/* One of a former setup has no mark, and the configuration names it: it is told what to do, which does. */
static void a_key_without_a_mark(void **state)
{
    char *why;

    (void)state;
    begin();
    free(set_up(0));
    assert_int_equal(remove(tmpdir_path(dir, "tls.pem")), 0);
    (void)tmpdir_write(dir, "tls.key", 0600, "of a former setup\n");
    why = set_up(2);
    assert_non_null(strstr(why, "tls.key"));
    assert_non_null(strstr(why, "move it away, too, if it was of the certificate"));
    free(why);
    assert_int_equal(remove(tmpdir_path(dir, "tls.key")), 0);
    free(set_up(0));
    ran((const char *[]){"check", "-c", ini, NULL});
}

/* The key is new already, the certificate is not, whether the configuration names them yet or not. */
static void interrupted_between_key_and_certificate(void **state)
{
    const char *studio;

    (void)state;
    for (int named = 0; named < 2; named++) {
        char *first = NULL;

        begin();
        first = content("agent.ini");
        free(set_up(0));
        studio = tmpdir_path(mosquitto, "studio");
        assert_int_equal(rename(tmpdir_path(studio, "tls.key"), tmpdir_path(dir, "tls.key")), 0);
        if (named)
            free(run((const char *[]){"check", "-c", ini, NULL}, 1));
        else
            ini = tmpdir_write(dir, "agent.ini", 0600, first);
        free(set_up(0));
        ran((const char *[]){"check", "-c", ini, NULL});
        free(first);
    }
}

/* That of a setup that was interrupted, or of who chose it: the agent comes with it. */
static void a_password_that_is_there_serves(void **state)
{
    struct mqttclient *agent;
    struct broker *broker;
    const char *studio;
    char *extra, *text;

    (void)state;
    begin();
    (void)tmpdir_write(dir, "broker.password", 0600, "chosen-before\n");
    free(set_up(0));
    text = content("broker.password");
    assert_string_equal(text, "chosen-before\n");
    studio = tmpdir_path(mosquitto, "studio");
    extra = test_printf("allow_anonymous false\npassword_file %s/passwd\n", studio);
    broker = broker_create(&(struct broker_options){.extra = extra});
    agent = mqttclient_create(&(struct mqttclient_options){
        .port = broker_port(broker), .username = "agent", .password = "chosen-before"});
    mqttclient_destroy(agent);
    broker_destroy(broker);
    free(extra);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_somebody_made_stays),
        cmocka_unit_test(settings_of_somebody_stay),
        cmocka_unit_test(a_key_without_a_mark),
        cmocka_unit_test(interrupted_between_key_and_certificate),
        cmocka_unit_test(a_password_that_is_there_serves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
