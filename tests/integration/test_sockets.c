/* test_sockets.c - sockets that are the service manager's: it hands them over, and they are there before the agent and
 * after it. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/certs.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/port.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/tunnel.h"
#include "support/wsclient.h"

enum { FIRST_FREE = 20 /* the shell below has none of its own there */ };

/* As systemd starts it: `fds` are its descriptors from 3 on. `more` arguments end with NULL. */
static struct proc *start(const char *names, const int *fds, size_t count, const char *data,
                          const char *const *more)
{
    const char *argv[24] = {"bash", "-c", NULL, "bash"}, *env[3];
    char *script = test_printf("LISTEN_PID=$$ exec \"$@\""), *longer;
    char *number = test_printf("LISTEN_FDS=%zu", count),
         *named = test_printf("LISTEN_FDNAMES=%s", names);
    struct proc *agent;
    size_t n = 4;

    for (size_t i = 0; i < count; i++) {
        longer = test_printf("%s %zu<&%d", script, i + 3, fds[i]);
        free(script);
        script = longer;
    }
    argv[2] = script;
    argv[n++] = studio_program("studio-agent");
    argv[n++] = "--data";
    argv[n++] = data;
    argv[n++] = "--tokens";
    argv[n++] = tokens_write_default(data);
    while (more && *more)
        argv[n++] = *more++;
    env[0] = number;
    env[1] = named;
    env[2] = NULL;
    agent = proc_spawn(argv, env);
    free(script);
    free(number);
    free(named);
    return agent;
}

/* A descriptor of the same that children have. */
static int to_hand_over(int fd)
{
    int copy = fcntl(fd, F_DUPFD, FIRST_FREE);

    assert_true(copy >= 0);
    return copy;
}

static int at_path(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), copy;

    memcpy(sa.sun_path, path, strlen(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(fd, 1), 0);
    copy = to_hand_over(fd);
    close(fd);
    return copy;
}

static void hears(struct proc *agent, const char *line)
{
    free(proc_wait_line(agent, PROC_STDOUT, line, WAIT_MS));
}

static void they_take_the_place_of_what_the_configuration_says(void **state)
{
    const char *dir = tmpdir_create(), *path = tmpdir_path(dir, "agent.sock");
    const char *cert = cert_create(dir, "tls.pem", "DNS:localhost");
    char *key = test_printf("%s.key", cert);
    const char *more[] = {"--listen", "ws://localhost:1", "--tls-cert", cert, "--tls-key", key,
                          NULL};
    struct port plain, tls;
    struct proc *agent;
    struct http_answer answer;
    char *line;
    int fds[3];

    (void)state;
    port_occupy(&plain);
    port_occupy(&tls);
    fds[0] = to_hand_over(plain.fd);
    fds[1] = to_hand_over(tls.fd);
    fds[2] = at_path(path);
    agent = start("plain:tls:studio-agent.socket", fds, 3, tmpdir_create(), more);
    line = test_printf("listening on ws://127.0.0.1:%u", plain.number);
    hears(agent, line);
    free(line);
    line = test_printf("listening on wss://127.0.0.1:%u", tls.number);
    hears(agent, line);
    free(line);
    line = test_printf("listening on unix:%s", path);
    hears(agent, line);
    free(line);
    answer = http_get(plain.number, "/healthz");
    assert_int_equal(answer.status, 200);
    http_answer_finish(&answer);
    assert_string_equal(tunnel_try(tls.number, &(struct tunnel_options){.ca = cert}), "");
    assert_int_equal(proc_stop(agent, WAIT_MS), 0);
    assert_int_equal(access(path, F_OK), 0); /* it is not the agent's to remove */
    proc_destroy(agent);
    for (size_t i = 0; i < 3; i++)
        close(fds[i]);
    port_release(&plain);
    port_release(&tls);
    free(key);
}

/* Also who comes while the first still says goodbye. */
static void who_comes_in_between_is_served_by_the_next(void **state)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const char *data = tmpdir_create();
    struct port port;
    struct proc *first, *second;
    struct wsclient *client;
    char status[13] = "";
    int fd, waiting[2];

    (void)state;
    port_reserve(&port);
    assert_int_equal(listen(port.fd, 16), 0);
    fd = to_hand_over(port.fd);
    first = start("", &fd, 1, data, NULL);
    hears(first, "listening on ws://127.0.0.1:");
    client = wsclient_login(port.number, "ARO-001_dealerPC", TOKEN_DEVICE);
    proc_signal(first, SIGTERM);
    assert_int_equal(wsclient_next(client, WAIT_MS).kind, WS_GOT_CLOSE);
    waiting[0] = port_connect(port.number);
    assert_int_equal(proc_wait(first, WAIT_MS), 0);
    wsclient_drop(client);
    waiting[1] = port_connect(port.number);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(write(waiting[i], request, sizeof(request) - 1), sizeof(request) - 1);
    second = start("", &fd, 1, data, NULL);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(recv(waiting[i], status, sizeof(status) - 1, MSG_WAITALL),
                         sizeof(status) - 1);
        assert_string_equal(status, "HTTP/1.1 200");
        close(waiting[i]);
    }
    assert_int_equal(proc_stop(second, WAIT_MS), 0);
    proc_destroy(first);
    proc_destroy(second);
    close(fd);
    port_release(&port);
}

static void what_does_not_listen_ends_the_start(void **state)
{
    struct port port;
    struct proc *agent;
    char *err;
    int fd;

    (void)state;
    port_reserve(&port);
    fd = to_hand_over(port.fd);
    agent = start("odd", &fd, 1, tmpdir_create(), NULL);
    assert_int_equal(proc_wait(agent, WAIT_MS), 2);
    err = proc_output(agent, PROC_STDERR);
    assert_non_null(strstr(err, "the socket odd that was handed over does not listen"));
    free(err);
    proc_destroy(agent);
    close(fd);
    port_release(&port);
}

static void what_was_handed_to_another_process_is_not_ours(void **state)
{
    const char *env[] = {"LISTEN_FDS=1", "LISTEN_PID=1", NULL};
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){.env = env});

    (void)state;
    assert_int_not_equal(agent_proc_port(agent), 0);
    agent_proc_destroy(agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_take_the_place_of_what_the_configuration_says),
        cmocka_unit_test(who_comes_in_between_is_served_by_the_next),
        cmocka_unit_test(what_does_not_listen_ends_the_start),
        cmocka_unit_test(what_was_handed_to_another_process_is_not_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
