#include "support/manager.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/tmpdir.h"

struct manager {
    int fd;
    struct sockaddr_un at;
    char address[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
    char heard[4096];
};

struct manager *manager_create(enum manager_kind kind)
{
    struct manager *m = test_alloc(sizeof(*m));
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(at.sun_family); /* without a name the kernel finds an abstract one */

    m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (kind == MANAGER_PATH) {
        snprintf(at.sun_path, sizeof(at.sun_path), "%s", tmpdir_path(tmpdir_create(), "notify"));
        len = sizeof(at);
    }
    if (m->fd < 0 || bind(m->fd, (struct sockaddr *)&at, len) != 0)
        test_fail("no socket for the manager: %s", strerror(errno));
    len = sizeof(m->at);
    if (getsockname(m->fd, (struct sockaddr *)&m->at, &len) != 0)
        test_fail("getsockname: %s", strerror(errno));
    if (kind == MANAGER_PATH)
        snprintf(m->address, sizeof(m->address), "%s", at.sun_path);
    else
        snprintf(m->address, sizeof(m->address), "@%.*s",
                 (int)(len - offsetof(struct sockaddr_un, sun_path) - 1), m->at.sun_path + 1);
    return m;
}

void manager_destroy(struct manager *m)
{
    close(m->fd);
    free(m);
}

const char *manager_address(const struct manager *m)
{
    return m->address;
}

bool manager_hears(struct manager *m, int timeout_ms)
{
    struct pollfd waiting = {.fd = m->fd, .events = POLLIN};

    return poll(&waiting, 1, timeout_ms) == 1;
}

const char *manager_hear(struct manager *m)
{
    ssize_t n;

    if (!manager_hears(m, WAIT_MS))
        test_fail("the service manager is told nothing");
    n = recv(m->fd, m->heard, sizeof(m->heard) - 1, 0);
    if (n < 0)
        test_fail("recv: %s", strerror(errno));
    m->heard[n] = '\0';
    return m->heard;
}

const char *manager_until(struct manager *m, const char *text)
{
    const int64_t deadline = now_ms() + WAIT_MS;

    while (!strstr(manager_hear(m), text))
        if (deadline_left(deadline) == 0)
            test_fail("the service manager is not told %s", text);
    return m->heard;
}
