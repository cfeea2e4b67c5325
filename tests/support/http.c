/* http.c - a request, its answer, the end. */
#include "support/http.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/capture.h"
#include "support/deadline.h"
#include "support/port.h"

enum { ANSWER_MAX = 16 << 20 };

/* True once `text` holds a whole answer by its Content-Length (else it ends with the connection).
 */
static bool complete(const char *text, size_t len)
{
    const char *body = strstr(text, "\r\n\r\n");
    if (!body)
        return false;
    const char *length = strcasestr(text, "\r\ncontent-length:");
    if (!length || length > body)
        return false;
    return len - (size_t)(body + 4 - text) >= strtoull(length + 17, NULL, 10);
}

struct http_answer http_request(uint16_t port, const char *method, const char *target,
                                const char *headers, const char *body)
{
    struct http_answer answer = {0};
    char length[64] = "";
    if (body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    char *request = test_printf("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                "%s%s\r\n%s",
                                method, target, headers ? headers : "", length, body ? body : "");
    int fd = port_connect(port);
    if (fd < 0)
        test_fail("nothing accepts on port %u", port);
    (void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
    free(request);

    size_t len = 0, cap = 65536;
    char *text = test_alloc(cap);
    int64_t deadline = now_ms() + WAIT_MS;
    while (!complete(text, len)) {
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        if (poll(&pfd, 1, deadline_left(deadline)) == 0)
            test_fail("no whole answer to %s %s in time; so far: %s", method, target, text);
        if (cap - len < 4096) {
            cap *= 2;
            text = cap <= ANSWER_MAX ? realloc(text, cap) : NULL;
            if (!text)
                test_fail("the answer to %s %s is too large", method, target);
        }
        ssize_t n = recv(fd, text + len, cap - len - 1, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        text[len] = '\0';
    }
    close(fd);
    char *split = strstr(text, "\r\n\r\n");
    if (split) {
        if (sscanf(text, "HTTP/1.%*1d %3d", &answer.status) != 1)
            test_fail("not an HTTP answer: %s", text);
        *split = '\0';
    }
    answer.headers = text;
    answer.body = test_printf("%s", split ? split + 4 : "");
    char *channel = test_printf("%s %s %d", method, target, answer.status);
    if (body)
        capture("request", channel, body, strlen(body));
    capture("http", channel, answer.body, strlen(answer.body));
    free(channel);
    return answer;
}

void http_answer_finish(struct http_answer *answer)
{
    free(answer->headers);
    free(answer->body);
}

struct http_answer http_get(uint16_t port, const char *target)
{
    return http_request(port, "GET", target, NULL, NULL);
}
