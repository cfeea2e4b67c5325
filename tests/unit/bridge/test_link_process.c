/*
 * test_link_process.c - the agent's side of a link's process. The process is this program once more:
 * started in the name of a connection it plays the part its client id names.
 */
#include "bridge/link_process.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge/link_wire.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/fake_clock.h"
#include "support/procfs.h"

/* --- the process ------------------------------------------------------------------------------ */

static char bytes[WIRE_FRAME_MAX];
static size_t have;

static void child_say(const struct wire_message *m)
{
    struct buf out;

    buf_init(&out, WIRE_FRAME_MAX);
    wire_put(&out, m);
    if (send(LINK_FD, out.data, out.len, MSG_NOSIGNAL) != (ssize_t)out.len)
        _exit(1);
    buf_finish(&out);
}

static void child_event(enum link_event_kind kind, unsigned slot)
{
    struct wire_message m = {.kind = WIRE_EVENT};

    m.event = (struct link_event){.kind = kind, .slot = slot, .limits = {.mqtt_version = 5}};
    child_say(&m);
}

static ssize_t child_hear(struct wire_message *m)
{
    ssize_t size;

    while ((size = wire_get(bytes, have, m)) == 0) {
        ssize_t n = recv(LINK_FD, bytes + have, sizeof(bytes) - have, 0);

        if (n <= 0)
            _exit(0);
        have += (size_t)n;
    }
    if (size < 0)
        _exit(2);
    return size;
}

static void child_command(void)
{
    struct wire_message m = {.kind = WIRE_COMMAND};

    m.command = (struct link_command){
        .token = 42, .topic = "t/c", .topic_len = 3, .payload = "{}", .payload_len = 2};
    child_say(&m);
}

/* How many of the variables it must not have. */
static const char *const secrets[] = {"STUDIO_SECRET", "http_proxy", "https_proxy",
                                      "MQTT_C_CLIENT_TRACE"};
enum { SECRETS = sizeof(secrets) / sizeof(*secrets) };

static unsigned child_secrets(void)
{
    unsigned n = 0;

    for (size_t i = 0; i < SECRETS; i++)
        n += getenv(secrets[i]) != NULL;
    return getenv("PATH") ? n : SECRETS + 1;
}

/* Does what it is told and says so; `part` is its client id. */
_Noreturn static void play(void)
{
    char part[64] = "";
    struct wire_message m;

    for (;;) {
        size_t used = (size_t)child_hear(&m);

        switch (m.kind) {
        case WIRE_CONNECT:
            snprintf(part, sizeof(part), "%s", m.connect.target.client_id);
            if (strcmp(part, "dies") == 0)
                raise(SIGKILL);
            if (strcmp(part, "out of memory") == 0)
                _exit(LINK_EXIT_MEMORY);
            if (strcmp(part, "nonsense") == 0 && send(LINK_FD, "GET / HTTP/1.1\r\n", 16, 0) > 0)
                pause();
            if (strcmp(part, "refused") == 0)
                child_event(LINK_FAILED, 0);
            else
                child_event(LINK_UP, child_secrets());
            break;
        case WIRE_PUBLISH:
            child_event(LINK_DONE, m.publish.slot);
            if (strcmp(part, "dies later") == 0)
                _exit(0);
            if (strcmp(part, "stops") == 0)
                raise(SIGSTOP);
            break;
        case WIRE_SUBSCRIBE:
            child_command();
            break;
        case WIRE_VERDICT:
            child_event(LINK_DONE, (unsigned)m.token);
            break;
        case WIRE_DISCONNECT:
            child_event(LINK_CLOSED, 0);
            break;
        case WIRE_PING:
            child_say(&(struct wire_message){.kind = WIRE_PONG});
            break;
        default:
            _exit(3);
        }
        have -= used;
        memmove(bytes, bytes + used, have);
    }
}

/* --- the agent -------------------------------------------------------------------------------- */

static struct fake_clock fake;
static struct link *l;
static struct link_event last;
static unsigned events, dones, commands;
static struct link_command command;
static bool closes; /* on each event */

static void on_event(void *ctx, const struct link_event *event)
{
    (void)ctx;
    last = *event;
    events++;
    dones += event->kind == LINK_DONE;
    if (closes)
        l->ops->close(l);
}

static void on_command(void *ctx, const struct link_command *in)
{
    (void)ctx;
    command = *in;
    commands++;
    assert_memory_equal(in->topic, "t/c", 3);
}

static void create(const char *program)
{
    struct link_options options = {.id = LINK_IN,
                                   .program = program,
                                   .agent_id = "edge-1",
                                   .epoch = "6f1c",
                                   .clock = &fake.clock,
                                   .on_event = on_event,
                                   .on_command = on_command};

    l = link_process_create(&options);
    assert_non_null(l);
}

static int setup(void **state)
{
    (void)state;
    fake_clock_init(&fake);
    memset(&last, 0, sizeof(last));
    events = dones = commands = 0;
    closes = false;
    create("/proc/self/exe");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    link_process_destroy(l);
    assert_int_equal(procfs_child(getpid(), LINK_ARGV0), 0);
    return 0;
}

static bool start(const char *part, char text[LINK_TEXT_MAX])
{
    const struct link_target target = {.uri = "tcp://x", .client_id = part, .mqtt_version = 5};

    return l->ops->connect(l, 9, &target, text);
}

/* Turns until there are so many events, or more. */
static void turn_at_least(unsigned count)
{
    int64_t deadline = now_ms() + WAIT_MS;

    while (events < count) {
        struct pollfd fd = {.events = POLLIN};
        bool writing;

        link_process_flush(l);
        fd.fd = link_process_fd(l, &writing);
        fd.events = (short)(POLLIN | (writing ? POLLOUT : 0));
        if (poll(&fd, 1, deadline_left(deadline)) == 0)
            test_fail("only %u of %u events", events, count);
        link_process_step(l, true);
    }
}

static void turn(unsigned count)
{
    turn_at_least(count);
    assert_int_equal(events, count);
}

static void expect_up(const char *part)
{
    char text[LINK_TEXT_MAX];

    assert_true(start(part, text));
    turn(1);
    assert_int_equal(last.kind, LINK_UP);
    assert_int_equal(last.link, LINK_IN);
    assert_int_equal(last.generation, 9);
    assert_int_equal(last.limits.mqtt_version, 5);
}

static bool publish(unsigned slot, size_t len)
{
    static char payload[1 << 20];

    return l->ops->publish(l, slot,
                           &(struct link_message){.topic = "t", .payload = payload, .len = len});
}

static void what_is_asked_arrives_and_what_it_says_too(void **state)
{
    bool writing;

    (void)state;
    assert_int_equal(link_process_fd(l, &writing), -1);
    assert_false(publish(1, 1));
    expect_up("works");
    assert_int_not_equal(procfs_child(getpid(), "studio-agent: mqtt commands"), 0);
    for (unsigned i = 0; i < LINK_SLOTS; i++)
        assert_true(publish(i, 100));
    turn(1 + LINK_SLOTS);
    assert_int_equal(dones, LINK_SLOTS);
    assert_int_equal(last.slot, LINK_SLOTS - 1);
    assert_true(
        l->ops->subscribe(l, 0, (const char *const[]){"a", "b"}, 2, LINK_WATCH_COMMANDS, NULL));
    l->ops->verdict(l, 8, 5); /* of an older connection: not sent */
    l->ops->verdict(l, 9, 7);
    turn(2 + LINK_SLOTS);
    assert_int_equal(commands, 1);
    assert_int_equal(command.token, 42);
    assert_int_equal(command.generation, 9);
    assert_int_equal(last.slot, 7);
    assert_true(l->ops->disconnect(l, false));
    turn(3 + LINK_SLOTS);
    assert_int_equal(last.kind, LINK_CLOSED);
    l->ops->close(l);
    assert_int_equal(link_process_fd(l, &writing), -1);
}

static void settings_are_not_in_its_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < SECRETS; i++)
        setenv(secrets[i], "x", 1);
    expect_up("works");
    assert_int_equal(last.slot, 0);
    for (size_t i = 0; i < SECRETS; i++)
        unsetenv(secrets[i]);
}

static void an_attempt_that_fails_says_so(void **state)
{
    char text[LINK_TEXT_MAX];

    (void)state;
    assert_true(start("refused", text));
    turn(1);
    assert_int_equal(last.kind, LINK_FAILED);
}

static void a_program_that_is_not_there_cannot_be_started(void **state)
{
    char text[LINK_TEXT_MAX] = "";

    (void)state;
    link_process_destroy(l);
    create("/nowhere/studio-agent");
    assert_false(start("works", text));
    assert_non_null(strstr(text, "cannot start /nowhere/studio-agent: No such file"));
    link_process_step(l, false);
    assert_int_equal(events, 0);
}

/* Whatever happens to the process is a failed attempt or a lost connection. */
static void a_process_that_ends_is_a_connection_that_ends(void **state)
{
    static const struct {
        const char *part, *text;
    } ends[] = {{"dies", "its process ended"},
                {"out of memory", "its process ran out of memory"},
                {"nonsense", "its process talks nonsense"}};
    char text[LINK_TEXT_MAX];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(start(ends[i].part, text));
        turn(i + 1);
        assert_int_equal(last.kind, LINK_FAILED);
        assert_true(last.reached);
        assert_string_equal(last.text, ends[i].text);
    }
    events = 0;
    expect_up("dies later");
    publish(3, 1);
    turn(3); /* what it had said before is heard first */
    assert_int_equal(dones, 1);
    assert_int_equal(last.kind, LINK_LOST);
    assert_string_equal(last.text, "its process ended");
    assert_false(last.closed); /* not the broker's doing */
    assert_false(publish(3, 1));
}

static void a_program_that_ignores_its_children_may_do_so(void **state)
{
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    expect_up("dies later");
    publish(3, 1);
    turn(3);
    assert_int_equal(last.kind, LINK_LOST);
    events = 0;
    expect_up("works");
    l->ops->close(l);
    signal(SIGCHLD, SIG_DFL);
    assert_int_equal(procfs_child(getpid(), LINK_ARGV0), 0);
}

static void a_process_that_hangs_is_killed(void **state)
{
    (void)state;
    expect_up("stops");
    publish(3, 1);
    turn(2);
    for (int64_t waited = 0; waited < LINK_HANG_MS; waited += LINK_PING_MS) {
        fake_clock_advance(&fake, LINK_PING_MS);
        link_process_step(l, false);
        assert_int_equal(events, 2);
    }
    fake_clock_advance(&fake, LINK_PING_MS);
    link_process_step(l, false);
    assert_int_equal(events, 3);
    assert_int_equal(last.kind, LINK_LOST);
    assert_string_equal(last.text, "its process does not answer");
    assert_int_equal(procfs_child(getpid(), LINK_ARGV0), 0);
}

/* A long pause of ours is none of its. */
static void a_process_that_answers_is_not(void **state)
{
    (void)state;
    expect_up("works");
    for (unsigned i = 0; i < 20; i++) {
        struct pollfd fd = {.events = POLLIN};
        bool writing;

        fake_clock_advance(&fake, 2 * LINK_HANG_MS);
        link_process_step(l, false); /* asks it */
        fake_clock_advance(&fake, 2 * LINK_HANG_MS);
        link_process_step(l, false); /* its answer has not been looked at */
        fd.fd = link_process_fd(l, &writing);
        assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
        link_process_step(l, true);
    }
    assert_int_equal(events, 1);
}

static void a_process_that_does_not_read_is_not_waited_for(void **state)
{
    unsigned taken = 1;

    (void)state;
    expect_up("stops");
    publish(1, 1);
    turn(2);
    while (publish(1, 1 << 20)) {
        link_process_flush(l); /* returns at once */
        assert_true(++taken < 100);
    }
    assert_in_range(taken, 8, 12);
    link_process_step(l, false);
    assert_int_equal(events, 2);
}

/* It is never idle, so what is written has to make room for what is to be. */
static void a_process_that_lags_behind_is_told_on_and_on(void **state)
{
    unsigned told = 0;

    (void)state;
    expect_up("works");
    for (; told < 40; told++) {
        while (told - dones == 7)
            turn_at_least(events + 1);
        assert_true(publish(told, 1 << 20));
    }
    turn(1 + told);
    assert_int_equal(dones, told);
}

static void closing_while_it_speaks_is_the_last_word(void **state)
{
    (void)state;
    expect_up("works");
    for (unsigned i = 0; i < 10; i++)
        publish(i, 1);
    closes = true;
    turn(2);
    for (unsigned i = 0; i < 10; i++)
        link_process_step(l, true);
    assert_int_equal(events, 2);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_asked_arrives_and_what_it_says_too),
        TEST(settings_are_not_in_its_environment),
        TEST(an_attempt_that_fails_says_so),
        TEST(a_program_that_is_not_there_cannot_be_started),
        TEST(a_process_that_ends_is_a_connection_that_ends),
        TEST(a_program_that_ignores_its_children_may_do_so),
        TEST(a_process_that_hangs_is_killed),
        TEST(a_process_that_answers_is_not),
        TEST(a_process_that_does_not_read_is_not_waited_for),
        TEST(a_process_that_lags_behind_is_told_on_and_on),
        TEST(closing_while_it_speaks_is_the_last_word),
    };

    if (argc == 1 && strncmp(argv[0], LINK_ARGV0, sizeof(LINK_ARGV0) - 1) == 0)
        play();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
