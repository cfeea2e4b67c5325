/* test_setup.c - `studio-agent setup` and `user add` from nothing to TLS, two users and a broker: what they made is used by
 * a real agent, a real Mosquitto, the client. */
#include "setup_rig.h"
#include "support/broker.h"
#include "support/mqttclient.h"
#include "support/tunnel.h"

enum { TOKEN_LEN = 40 };

static char *new_user(const char *id, const char *role)
{
    char *token = run((const char *[]){"user", "add", id, "--role", role, "-c", ini, NULL}, 0);

    assert_int_equal(strcspn(token, "\n"), TOKEN_LEN);
    token[TOKEN_LEN] = '\0';
    return token;
}

/* One that comes with a token of its own choice. */
static void new_chosen_user(const char *id, const char *token)
{
    const char *argv[] = {
        studio_program("studio-agent"), "user", "add", id, "--password", "-c", ini, NULL};

    assert_int_equal(proc_run_on(argv, NULL, token, NULL, NULL), 0);
}

static mode_t mode_of(const char *folder, const char *name)
{
    struct stat about;

    assert_int_equal(stat(tmpdir_path(folder, name), &about), 0);
    return about.st_mode & 0777;
}

static uint16_t tls_port(struct proc *agent)
{
    char *line = proc_wait_line(agent, PROC_STDOUT, "listening on wss://", WAIT_MS);
    uint16_t port = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);

    free(line);
    return port;
}

static int client(uint16_t port, const char *ca, const char *id, const char *token,
                  const char *const *words)
{
    char *url = test_printf("wss://localhost:%u", port);
    const char *argv[20] = {studio_program("studio-client"),
                            "--url",
                            url,
                            "--ca",
                            ca,
                            "--id",
                            id,
                            "--token",
                            token,
                            "--table",
                            "ARO-001"};
    size_t n = 11;
    int code;

    while (*words)
        argv[n++] = *words++;
    code = proc_run(argv, NULL, NULL, NULL);
    free(url);
    return code;
}

static void from_nothing_to_all(void **state)
{
    static const char *const update[] = {"set", "sdp=up", NULL}, *const look[] = {"get", NULL};
    char *device, *viewer, *extra;
    const char *ca, *passwords, *access, *studio;
    struct broker *broker;
    struct proc *agent;
    struct mqttclient *subscriber;
    uint16_t port;

    (void)state;
    begin();
    free(set_up(0));
    device = new_user("ARO-001_dealerPC", "device");
    viewer = new_user("OFFICE_wall", "viewer");
    new_chosen_user("ARO-001_plc", "chosen-by-me");
    ran((const char *[]){"check", "-c", ini, NULL});
    ca = tmpdir_path(dir, "ca.pem");
    studio = tmpdir_path(mosquitto, "studio");
    passwords = tmpdir_path(studio, "passwd");
    access = tmpdir_path(studio, "acl");
    extra =
        test_printf("allow_anonymous false\npassword_file %s\nacl_file %s\n", passwords, access);
    broker = broker_create(&(struct broker_options){.extra = extra});
    agent = proc_spawn((const char *[]){studio_program("studio-agent"), "-c", ini, "--listen",
                                        "wss://localhost:0,ws://localhost:0", "--broker",
                                        broker_uri(broker), NULL},
                       NULL);
    port = tls_port(agent);
    assert_string_equal(tunnel_try(port, &(struct tunnel_options){.ca = ca}), "");
    assert_int_equal(client(port, ca, "ARO-001_dealerPC", device, update), 0);
    assert_int_equal(client(port, ca, "OFFICE_wall", viewer, look), 0);
    assert_int_not_equal(client(port, ca, "OFFICE_wall", device, look), 0);
    subscriber =
        mqttclient_create(&(struct mqttclient_options){.port = broker_port(broker),
                                                       .username = "OFFICE_wall",
                                                       .password = viewer,
                                                       .subscribe = "studio/tables/+/status"});
    (void)mqttclient_wait_json(subscriber, "studio/tables/ARO-001/status", "SDP", "up");
    mqttclient_destroy(subscriber);
    subscriber = mqttclient_create(
        &(struct mqttclient_options){.port = broker_port(broker),
                                     .username = "ARO-001_plc",
                                     .password = "chosen-by-me",
                                     .subscribe = "studio/tables/ARO-001/status"});
    (void)mqttclient_wait_json(subscriber, "studio/tables/ARO-001/status", "SDP", "up");
    mqttclient_destroy(subscriber);
    assert_int_equal(proc_stop(agent, WAIT_MS), 0);
    proc_destroy(agent);
    broker_destroy(broker);
    free(device);
    free(viewer);
    free(extra);
}

static bool has(const char *folder, const char *name, const char *words)
{
    char *text = tmpdir_read(tmpdir_path(folder, name), NULL);
    const bool found = text && strstr(text, words);

    free(text);
    return found;
}

/* `token revoke`, which says this to people. */
static void revoked(const char *which, int expected, const char *said)
{
    char *out, *err;

    run_both((const char *[]){"token", "revoke", which, "-c", ini, NULL}, expected, &out, &err);
    if (!strstr(err, said))
        test_fail("nothing of '%s' in: %s", said, err);
    free(out);
    free(err);
}

/* And this is the hash of the first. */
static void revoked_by_hash(const char *said)
{
    char hash[13] = "", *list = run((const char *[]){"token", "list", "-c", ini, NULL}, 0);
    const char *row = strstr(list, "device");

    assert_non_null(row);
    assert_int_equal(sscanf(row, "device %12s", hash), 1);
    free(list);
    revoked(hash, 0, said);
}

/* With the last line of a user his login at the broker goes as well, and nobody else's. */
static void who_is_revoked_is_gone_at_the_broker(void **state)
{
    const char *studio;

    (void)state;
    begin();
    free(set_up(0));
    studio = tmpdir_path(mosquitto, "studio");
    for (int i = 0; i < 2; i++)
        free(new_user("ARO-001_dealerPC", "device"));
    free(new_user("ARO-001_dealerPC2", "device"));
    revoked_by_hash("keep ARO-001_dealerPC, who has another line");
    assert_true(has(studio, "passwd", "ARO-001_dealerPC:"));
    revoked("ARO-001_dealerPC", 0, "have ARO-001_dealerPC no more");
    assert_false(has(studio, "passwd", "ARO-001_dealerPC:"));
    assert_false(has(studio, "acl", "user ARO-001_dealerPC\n"));
    assert_true(has(studio, "passwd", "ARO-001_dealerPC2:"));
    assert_true(has(studio, "acl", "user ARO-001_dealerPC2\n"));
    assert_true(has(studio, "passwd", "agent:"));
    assert_true(has(studio, "acl", "user agent\n"));
}

/* In the lines of the configuration. */
static void change(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from);

    assert_non_null(at);
    assert_int_equal(strlen(to), strlen(from));
    memcpy(at, to, strlen(to));
    ini = tmpdir_write(dir, "agent.ini", 0600, text);
    free(text);
}

/* The broker may be named in the unit of the agent: the files are what `user add` wrote into. */
static void the_files_count_without_the_broker(void **state)
{
    (void)state;
    begin();
    free(set_up(0));
    free(new_user("ARO-001_dealerPC", "device"));
    change(content("agent.ini"), "broker = ", "; none = ");
    revoked("ARO-001_dealerPC", 0, "have ARO-001_dealerPC no more");
    assert_false(has(tmpdir_path(mosquitto, "studio"), "passwd", "ARO-001_dealerPC:"));
}

static void all_who_had_the_token_are_gone(void **state)
{
    enum { HASH_LEN = 64 };
    const char *studio;
    char *text, *first, *second;

    (void)state;
    begin();
    free(set_up(0));
    studio = tmpdir_path(mosquitto, "studio");
    free(new_user("ARO-001_dealerPC", "device"));
    free(new_user("ARO-002_dealerPC", "device"));
    text = tmpdir_read(tmpdir_path(data, "tokens"), NULL);
    first = strstr(text, "sha256:");
    assert_non_null(first);
    second = strstr(first + 1, "sha256:");
    assert_non_null(second);
    memcpy(second, first, strlen("sha256:") + HASH_LEN);
    tmpdir_write(data, "tokens", 0600, text);
    free(text);
    revoked_by_hash("have ARO-001_dealerPC no more");
    assert_false(has(studio, "passwd", "ARO-001_dealerPC:"));
    assert_false(has(studio, "passwd", "ARO-002_dealerPC:"));
    assert_false(has(studio, "acl", "user ARO-002_dealerPC\n"));
}

/* Who cannot be taken out is told of, with what is left to do. */
static void who_is_still_good_is_told(void **state)
{
    static const char said[] = "has a login ARO-001_dealerPC, it is still good";
    const char *studio;

    (void)state;
    begin();
    free(set_up(0));
    free(new_user("ARO-001_dealerPC", "device"));
    studio = tmpdir_path(mosquitto, "studio");
    assert_int_equal(rename(studio, tmpdir_path(mosquitto, "elsewhere")), 0);
    tmpdir_write(mosquitto, "studio", 0600, "");
    revoked("ARO-001_dealerPC", 2, said);
    assert_int_equal(remove(studio), 0);
    assert_int_equal(rename(tmpdir_path(mosquitto, "elsewhere"), studio), 0);
    free(new_user("ARO-001_dealerPC", "device"));
    change(content("agent.ini"), "user_files", "; no_files");
    revoked("ARO-001_dealerPC", 0, said);
    assert_true(has(studio, "passwd", "ARO-001_dealerPC:"));
}

static void secrets_are_nobody_elses(void **state)
{
    const char *studio;

    (void)state;
    begin();
    free(set_up(0));
    studio = tmpdir_path(mosquitto, "studio");
    assert_int_equal(mode_of(dir, "ca.key"), 0600);
    assert_int_equal(mode_of(dir, "ca.pem"), 0644);
    assert_int_equal(mode_of(dir, "tls.key"), 0640);
    assert_int_equal(mode_of(dir, "broker.password"), 0640);
    assert_int_equal(mode_of(dir, "agent.ini"), 0600); /* as it was */
    assert_int_equal(mode_of(mosquitto, "studio"), 0750);
    assert_int_equal(mode_of(studio, "passwd") & 07, 0);
    assert_int_equal(mode_of(studio, "acl") & 07, 0);
    assert_int_equal(mode_of(studio, "tls.key"), 0640);
}

/* What is there stays, and what was removed is made anew by the same authority. */
static void once_more(void **state)
{
    char *before[3], *after;
    static const char *const names[] = {"agent.ini", "tls.pem", "ca.pem"};

    (void)state;
    begin();
    free(set_up(0));
    for (size_t i = 0; i < 3; i++)
        before[i] = content(names[i]);
    assert_non_null(strstr(before[0], "; of a test\n"));
    after = set_up(0);
    assert_non_null(strstr(after, "left alone: websocket.tls_cert"));
    assert_non_null(strstr(after, "left alone: mqtt.broker"));
    free(after);
    for (size_t i = 0; i < 3; i++) {
        after = content(names[i]);
        assert_string_equal(after, before[i]);
        free(after);
    }
    assert_int_equal(remove(tmpdir_path(dir, "tls.pem")), 0);
    free(set_up(0));
    after = content("tls.pem");
    assert_string_not_equal(after, before[1]);
    free(after);
    after = content("ca.pem");
    assert_string_equal(after, before[2]);
    free(after);
    ran((const char *[]){"check", "-c", ini, NULL});
    for (size_t i = 0; i < 3; i++)
        free(before[i]);
}

/* Its key may be kept elsewhere: nothing replaces what clients trust, and only who issues needs the key. */
static void without_the_key_of_the_authority(void **state)
{
    const char *key;
    char *before, *after;

    (void)state;
    begin();
    free(set_up(0));
    key = tmpdir_path(dir, "ca.key");
    before = content("ca.pem");
    assert_int_equal(rename(key, tmpdir_path(dir, "elsewhere")), 0);
    free(set_up(0));
    assert_int_equal(remove(tmpdir_path(dir, "tls.pem")), 0);
    free(set_up(2));
    after = content("ca.pem");
    assert_string_equal(after, before);
    free(after);
    assert_int_equal(rename(tmpdir_path(dir, "elsewhere"), key), 0);
    free(set_up(0));
    after = content("ca.pem");
    assert_string_equal(after, before);
    free(after);
    free(before);
}

/* Sets up with this file; what it says is to be free()d. */
static char *set_up_with(const char *text, int expected)
{
    begin();
    ini = tmpdir_write(dir, "agent.ini", 0600, text);
    return set_up(expected);
}

/* Who has a certificate needs no authority. */
static void with_a_certificate_of_ones_own(void **state)
{
    (void)state;
    begin();
    ini = tmpdir_write(dir, "agent.ini", 0600,
                       "[websocket]\nlisten = wss://localhost:8443\ntls_cert = /mine.pem\n");
    free(run((const char *[]){"setup", "-c", ini, NULL}, 0));
    assert_false(is_there(dir, "ca.pem"));
}

static void half_a_pair_is_made_anew(void **state)
{
    static const char *const names[] = {"tls.pem", "tls.key"};
    const char *studio, *pair[2];
    char *before, *after;

    (void)state;
    begin();
    free(set_up(0));
    studio = tmpdir_path(mosquitto, "studio");
    pair[0] = dir;
    pair[1] = studio;
    before = tmpdir_read(tmpdir_path(studio, "passwd"), NULL);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(remove(tmpdir_path(pair[i / 2], names[i % 2])), 0);
        free(set_up(0));
        for (size_t j = 0; j < 4; j++)
            assert_true(is_there(pair[j / 2], names[j % 2]));
    }
    assert_int_equal(mode_of(studio, "tls.key"), 0640);
    after = tmpdir_read(tmpdir_path(studio, "passwd"), NULL);
    assert_string_equal(after, before); /* the agent's login is as it was */
    free(before);
    free(after);
    ran((const char *[]){"check", "-c", ini, NULL});
}

static void addresses_of_ones_own_stay(void **state)
{
    char *out = set_up_with("[websocket]\nlisten = wss://localhost:9443\n", 0), *text;

    (void)state;
    text = content("agent.ini");
    assert_non_null(strstr(text, "\nlisten = wss://localhost:9443\ntls_cert = "));
    assert_null(strstr(out, "8443"));
    ran((const char *[]){"check", "-c", ini, NULL});
    free(text);
    free(out);
    out = set_up_with("[websocket]\nlisten = 10.0.0.1:8080\n", 0);
    assert_non_null(strstr(out, "left alone: websocket.listen = 10.0.0.1:8080\n"));
    assert_non_null(strstr(out, "add wss://[::]:8443 to it"));
    text = content("agent.ini");
    assert_null(strstr(text, "tls_cert"));
    assert_non_null(strstr(text, "user_files")); /* the broker is another matter */
    ran((const char *[]){"check", "-c", ini, NULL});
    free(text);
    free(out);
}

/* What the agent would not start with is not written, nor anything made for it. */
static void what_would_not_be_right_is_refused(void **state)
{
    static const char *const wrong[] = {
        "[mqtt]\nusername = me\npassword = SECRET\n",
        "[websocket]\n[store]\n[websocket]\nlisten = localhost:8080\n",
        "[websocket]\nlisten: localhost:8080\n",
        "\xEF\xBB\xBF[websocket]\nlisten = localhost:8080\n",
        "[mqtt]\nkeepalive = soon\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *text;

        free(set_up_with(wrong[i], 2));
        text = content("agent.ini");
        assert_string_equal(text, wrong[i]);
        free(text);
        assert_false(is_there(dir, "ca.pem"));
        assert_false(is_there(mosquitto, "studio"));
    }
}

static void what_is_missing_is_said(void **state)
{
    char *text;

    (void)state;
    begin();
    free(run((const char *[]){"setup", NULL}, 2));
    free(run((const char *[]){"setup", "-c", "/nonexistent/agent.ini", NULL}, 2));
    free(run((const char *[]){"setup", "-c", ini, "--mosquitto", data, NULL}, 2));
    free(run((const char *[]){"setup", "-c", ini, mosquitto, NULL}, 2)); /* not as a host */
    assert_false(is_there(dir, "ca.pem"));
    text = content("agent.ini");
    assert_null(strstr(text, "tls_cert")); /* not half of it */
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_nothing_to_all),
        cmocka_unit_test(who_is_revoked_is_gone_at_the_broker),
        cmocka_unit_test(the_files_count_without_the_broker),
        cmocka_unit_test(all_who_had_the_token_are_gone),
        cmocka_unit_test(who_is_still_good_is_told),
        cmocka_unit_test(secrets_are_nobody_elses),
        cmocka_unit_test(once_more),
        cmocka_unit_test(without_the_key_of_the_authority),
        cmocka_unit_test(with_a_certificate_of_ones_own),
        cmocka_unit_test(half_a_pair_is_made_anew),
        cmocka_unit_test(addresses_of_ones_own_stay),
        cmocka_unit_test(what_would_not_be_right_is_refused),
        cmocka_unit_test(what_is_missing_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
