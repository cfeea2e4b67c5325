/* test_local_socket.c - `unix:/PATH` in websocket.listen: a socket in the file system, beside ports (agent/README.md). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

/* One request, as a proxy would send it; what came (free()). */
static char *ask_local_bytes(const char *path, const char *request, size_t request_len)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char *answer = test_alloc(65536);
    size_t len = 0;
    ssize_t n;

    strcpy(sa.sun_path, path);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(write(fd, request, request_len), request_len);
    while ((n = read(fd, answer + len, 65535 - len)) > 0)
        len += (size_t)n;
    answer[len] = '\0';
    close(fd);
    return answer;
}

static char *ask_local(const char *path, const char *request)
{
    return ask_local_bytes(path, request, strlen(request));
}

static void a_proxy_of_this_machine_may_use_it(void **state)
{
    static const char update[] = "POST /api/v1/tables/ARO-001/status HTTP/1.1\r\nHost: x\r\n"
                                 "X-Forwarded-For: 203.0.113.7\r\n"
                                 "Authorization: Bearer ARO-001_dealerPC:" TOKEN_DEVICE "\r\n"
                                 "Content-Length: 12\r\n\r\n{\"sdp\":\"up\"}";
    static const char upgrade[] = "GET /?id=ARO-001_dealerPC&token=" TOKEN_DEVICE " HTTP/1.1\r\n"
                                  "Host: x\r\nX-Forwarded-For: 203.0.113.7\r\n"
                                  "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                  "Sec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
                                  "\x88\x80\0\0\0\0";
    const char *path = tmpdir_path(tmpdir_create(), "agent.sock");
    char *listen = test_printf("ws://localhost:0,unix:%s", path), *line, *answer;
    const char *const args[] = {"--listen", listen, NULL};
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){.args = args});
    struct wsclient *dealer =
        wsclient_login(agent_proc_port(agent), "ARO-001_dealerPC", TOKEN_DEVICE);

    (void)state;
    line = proc_wait_line(agent_proc_proc(agent), PROC_STDOUT, "listening on unix:", WAIT_MS);
    assert_non_null(strstr(line, path));
    free(line);
    answer = ask_local(path, update);
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    assert_non_null(strstr(answer, "connection: close"));
    assert_non_null(strstr(answer, "{\"status\":\"updated\""));
    free(answer);
    answer = ask_local_bytes(path, upgrade, sizeof(upgrade) - 1);
    assert_non_null(strstr(answer, "HTTP/1.1 101"));
    free(answer);
    free(proc_wait_line(agent_proc_proc(agent), PROC_STDERR,
                        "ARO-001_dealerPC is here from 203.0.113.7", WAIT_MS));
    answer = ask_local(path, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(answer, "HTTP/1.1 403")); /* nobody says that it is from here */
    free(answer);
    wsclient_close(dealer);
    agent_proc_destroy(agent);
    assert_int_equal(access(path, F_OK), -1);
    free(listen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proxy_of_this_machine_may_use_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
