/* test_users.c - `studio-agent user add`: one command for a user of the agent and of the broker, who then may
 * what the role may, and no more. With a real Mosquitto that has been told what it printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/scene.h"
#include "support/tmpdir.h"

enum { TOKEN_LEN = 40 };

struct user {
    const char *id, *role;
    char token[TOKEN_LEN + 1];
};

static struct user device = {"ARO-001_plc", "device", ""}, viewer = {"office", "viewer", ""},
                   operator_ = {"OPS_1", "operator", ""};
static const char *data;
static struct broker *broker;
static struct agent_proc *agent;

/* Adds the user, and what is for the broker to what it is to be told. */
static void add(struct user *user, char **passwords, char **access)
{
    const char *argv[] = {studio_program("studio-agent"),
                          "user",
                          "add",
                          user->id,
                          "--role",
                          user->role,
                          "--data",
                          data,
                          NULL};
    char *out, *line, *rest = NULL;

    assert_int_equal(proc_run(argv, NULL, &out, NULL), 0);
    for (line = strtok_r(out, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char **to = strstr(line, ":$7$") ? passwords : access, *more;

        if (line[0] == '#')
            continue;
        if (!user->token[0]) { /* the first is for the user */
            assert_int_equal(strlen(line), TOKEN_LEN);
            strcpy(user->token, line);
            continue;
        }
        more = test_printf("%s%s\n", *to, line);
        free(*to);
        *to = more;
    }
    free(out);
}

static int setup(void **state)
{
    char *passwords = test_printf("%s", ""), *extra;
    /* The tools of the tests talk to themselves to know that all has arrived; the agent may do all. */
    char *access = test_printf("pattern readwrite test-sync/#\nuser agent\ntopic readwrite #\n");
    struct user itself = {"agent", "operator", ""};
    char *config;
    const char *dir = tmpdir_create(), *file;

    (void)state;
    data = tmpdir_create();
    tokens_write_default(data);
    add(&itself, &passwords, &access);
    add(&device, &passwords, &access);
    add(&viewer, &passwords, &access);
    add(&operator_, &passwords, &access);
    file = tmpdir_write(dir, "passwd", 0600, passwords);
    extra = test_printf("password_file %s\nacl_file %s\n", file,
                        tmpdir_write(dir, "acl", 0600, access));
    broker = broker_create(&(struct broker_options){.extra = extra});
    file = tmpdir_write(dir, "password", 0600, itself.token);
    config = test_printf("[mqtt]\nagent_id = edge-1\nusername = agent\npassword_file = %s\n", file);
    agent = agent_proc_start(&(struct agent_options){.data = data,
                                                     .tokens = tmpdir_path(data, "tokens"),
                                                     .broker = broker_uri(broker),
                                                     .config = config});
    free(proc_wait_line(broker_proc(broker), PROC_STDERR,
                        "Sending SUBACK to studio-agent-edge-1-in", WAIT_MS));
    free(passwords);
    free(access);
    free(extra);
    free(config);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    agent_proc_destroy(agent);
    broker_destroy(broker);
    return 0;
}

static struct mqttclient *login(const struct user *user, const char *subscribe)
{
    return mqttclient_create(&(struct mqttclient_options){.port = broker_port(broker),
                                                          .username = user->id,
                                                          .password = user->token,
                                                          .subscribe = subscribe});
}

/* With a connection of its own each time: this Mosquitto cuts the connection of who is refused. */
static bool may_write(const struct user *user, const char *topic, const char *payload)
{
    struct mqttclient *c = login(user, NULL);
    int reason =
        mqttclient_send(c, &(struct mqttclient_publish){.topic = topic, .payload = payload});

    mqttclient_destroy(c);
    return reason < 128;
}

static void one_token_opens_both(void **state)
{
    struct wsclient *c = wsclient_login(agent_proc_port(agent), "ARO-001_plc", device.token);
    struct mqttclient *plc = login(&device, "studio/#");
    struct mqttclient_options wrong = {
        .port = broker_port(broker), .username = device.id, .password = viewer.token};

    (void)state;
    assert_int_not_equal(mqttclient_try(&wrong), 0);
    assert_true(may_write(&device, "studio/tables/ARO-001/set/ARO-001_plc", "{\"sdp\":\"up\"}"));
    mqttclient_wait_payload(plc, "studio/tables/ARO-001/reply/ARO-001_plc",
                            "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    expect_json(mqttclient_wait_json(plc, "studio/tables/ARO-001/changes", "rev", "1")->payload,
                "by", "ARO-001_plc");
    mqttclient_wait_json(plc, "studio/agents/edge-1/availability", "state", "online");
    mqttclient_destroy(plc);
    wsclient_close(c);
}

static void each_may_what_its_role_may(void **state)
{
    struct wsclient *c = wsclient_login(agent_proc_port(agent), "BAC-001_pc", TOKEN_DEVICE);
    struct mqttclient *plc = login(&device, "studio/#"), *office = login(&viewer, "studio/#");

    (void)state;
    assert_false(may_write(&device, "studio/tables/ARO-001/set/OPS_1", "{\"sdp\":\"down\"}"));
    assert_false(may_write(&device, "studio/tables/BAC-001/set/ARO-001_plc", "{}"));
    assert_false(may_write(&device, "studio/agents/edge-1/replay/ARO-001_plc", "{\"from_seq\":1}"));
    assert_false(may_write(&viewer, "studio/tables/BAC-001/set/office", "{}"));
    assert_true(may_write(&operator_, "studio/tables/BAC-001/set/OPS_1", "{\"sdp\":\"up\"}"));
    assert_false(may_write(&operator_, "studio/tables/BAC-001/status", "{}"));
    mqttclient_wait_json(office, "studio/tables/BAC-001/status", "SDP", "up");
    assert_true(may_write(&viewer, "studio/agents/edge-1/replay/office", "{\"from_seq\":1}"));
    mqttclient_wait_json(office, "studio/agents/edge-1/replayed/office", "end", "true");
    mqttclient_sync(plc);
    for (size_t i = 0; i < mqttclient_count(plc); i++)
        if (strstr(mqttclient_message(plc, i)->topic, "BAC-001"))
            test_fail("a device was sent %s", mqttclient_message(plc, i)->topic);
    mqttclient_destroy(plc);
    mqttclient_destroy(office);
    wsclient_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_token_opens_both),
        cmocka_unit_test(each_may_what_its_role_may),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
