/* sseclient.c - blocks of lines, each ended by an empty one. */
#include "support/sseclient.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/capture.h"
#include "support/deadline.h"
#include "support/port.h"

enum { ID_MAX = 128, READ_MAX = 65536 };

struct sseclient {
    int fd;
    char *headers;
    char *text; /* read and not yet taken, from `at` on */
    size_t at, len, cap;
    char *block; /* taken last */
    char id[ID_MAX];
};

/* Reads some more; 0: nothing came in time, negative: it is over. */
static int more(struct sseclient *c, int64_t deadline)
{
    struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
    if (poll(&pfd, 1, deadline_left(deadline)) <= 0)
        return 0;
    if (c->at > 0)
        memmove(c->text, c->text + c->at, c->len - c->at);
    c->len -= c->at;
    c->at = 0;
    if (c->cap - c->len < READ_MAX + 1) {
        c->cap = c->len * 2 + 2 * READ_MAX;
        c->text = realloc(c->text, c->cap);
        if (!c->text)
            test_fail("out of memory in the test");
    }
    ssize_t n = recv(c->fd, c->text + c->len, READ_MAX, 0);
    if (n <= 0)
        return -1;
    c->len += (size_t)n;
    c->text[c->len] = '\0';
    return 1;
}

/* The text up to `end`, which is taken with it; NULL: it is not there yet. */
static char *take(struct sseclient *c, const char *end)
{
    char *found = c->len > c->at ? strstr(c->text + c->at, end) : NULL;
    if (!found)
        return NULL;
    char *taken = test_printf("%.*s", (int)(found - c->text - (ptrdiff_t)c->at), c->text + c->at);
    c->at = (size_t)(found - c->text) + strlen(end);
    return taken;
}

int sseclient_open(uint16_t port, const char *target, const char *user, const char *last,
                   struct sseclient **out)
{
    struct sseclient *c = test_alloc(sizeof *c);
    int64_t deadline = now_ms() + WAIT_MS;
    int status = 0;
    *out = NULL;
    *c = (struct sseclient){.fd = port_connect(port)};
    bool id = last && *last;
    char *request =
        test_printf("GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s%s%s%s\r\n", target,
                    user ? "Authorization: Bearer " : "", user ? user : "", user ? "\r\n" : "",
                    id ? "Last-Event-ID: " : "", id ? last : "", id ? "\r\n" : "");
    if (c->fd >= 0) {
        (void)!send(c->fd, request, strlen(request), MSG_NOSIGNAL);
        int got = 1;
        while (got > 0 && !(c->headers = take(c, "\r\n\r\n")))
            got = more(c, deadline);
        if (got == 0)
            test_fail("no answer to GET %s in time", target);
        if (c->headers && sscanf(c->headers, "HTTP/1.%*1d %3d", &status) != 1)
            test_fail("not an HTTP answer: %s", c->headers);
    }
    free(request);
    if (status == 200)
        *out = c;
    else
        sseclient_close(c);
    return status;
}

struct sseclient *sseclient_connect(uint16_t port, const char *target, const char *user,
                                    const char *last)
{
    struct sseclient *c;
    int status = sseclient_open(port, target, user, last, &c);
    if (status != 200)
        test_fail("GET %s was answered %d", target, status);
    return c;
}

void sseclient_close(struct sseclient *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    free(c->headers);
    free(c->text);
    free(c->block);
    free(c);
}

const char *sseclient_headers(const struct sseclient *c)
{
    return c->headers;
}

const char *sseclient_id(const struct sseclient *c)
{
    return c->id;
}

int sseclient_fd(const struct sseclient *c)
{
    return c->fd;
}

/* What stands behind this name at the beginning of a line; else NULL. */
static const char *value_of(const char *line, const char *name)
{
    size_t len = strlen(name);
    return strncmp(line, name, len) == 0 ? line + len : NULL;
}

static struct sse_block parse(struct sseclient *c)
{
    struct sse_block b = {SSE_NOTE, "", "", ""};
    char *rest = c->block;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        const char *value;
        if ((value = value_of(line, "event: ")))
            b.event = value;
        else if ((value = value_of(line, "data: ")))
            b.data = value;
        else if ((value = value_of(line, ": ")))
            b.comment = value;
        else if ((value = value_of(line, "id: ")))
            snprintf(c->id, sizeof c->id, "%s", value);
        else if (!value_of(line, "retry: "))
            test_fail("not a line of a stream: %s", line);
    }
    if (*b.event || *b.data) {
        b.kind = SSE_EVENT;
        capture("sse", b.event, b.data, strlen(b.data));
    }
    return b;
}

struct sse_block sseclient_next(struct sseclient *c, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    free(c->block);
    while (!(c->block = take(c, "\n\n"))) {
        int got = more(c, deadline);
        if (got <= 0)
            return (struct sse_block){got < 0 ? SSE_END : SSE_QUIET, "", "", ""};
    }
    return parse(c);
}

struct sse_block sseclient_event(struct sseclient *c)
{
    struct sse_block b;
    do
        b = sseclient_next(c, WAIT_MS);
    while (b.kind == SSE_NOTE);
    if (b.kind != SSE_EVENT)
        test_fail(b.kind == SSE_END ? "the stream ended" : "no event came in time");
    return b;
}

const char *sseclient_expect(struct sseclient *c, const char *event)
{
    struct sse_block b = sseclient_event(c);
    if (strcmp(b.event, event) != 0)
        test_fail("a %s came, not a %s: %s", b.event, event, b.data);
    return b.data;
}
