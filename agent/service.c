#include "service.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

enum { WAIT_S = 5 /* for a manager that has much to do */ };

/* A number of the environment; 0: there is none. */
static long long number(const char *name)
{
    const char *text = getenv(name);

    return text ? strtoll(text, NULL, 10) : 0;
}

/* What is meant for another process is inherited, but not ours. */
static bool is_for_us(const char *name)
{
    const long long pid = number(name);

    return pid == 0 || pid == getpid();
}

static bool set_address(struct service *s, const char *path)
{
    const size_t len = strlen(path);

    if (len < 2 || len >= sizeof(s->address.sun_path) || (path[0] != '/' && path[0] != '@'))
        return false;
    s->address.sun_family = AF_UNIX;
    memcpy(s->address.sun_path, path, len);
    if (path[0] == '@') /* abstract: its name has no end but the length */
        s->address.sun_path[0] = '\0';
    s->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

void service_init(struct service *s)
{
    const struct timeval wait = {.tv_sec = WAIT_S};
    const char *path = getenv("NOTIFY_SOCKET");

    *s = (struct service){.fd = -1};
    if (!path)
        return;
    if (!set_address(s, path)) {
        log_warn("agent", "NOTIFY_SOCKET=%s is not understood: the service manager is told nothing",
                 path);
        return;
    }
    s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0) {
        log_warn("agent", "the service manager cannot be told anything: %s", strerror(errno));
        return;
    }
    (void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (is_for_us("WATCHDOG_PID"))
        s->watchdog_ms = number("WATCHDOG_USEC") / 1000;
}

enum studio_err service_sockets(struct service *s, struct studio_agent_config *config,
                                struct studio_error *error)
{
    enum { FIRST_FD = 3, ADDRESSES_MAX = 2048 };
    const char *names = getenv("LISTEN_FDNAMES");
    const long long count = number("LISTEN_PID") == getpid() ? number("LISTEN_FDS") : 0;
    char space[ADDRESSES_MAX];
    struct buf listen;

    if (count <= 0)
        return STUDIO_OK;
    buf_init_fixed(&listen, space, sizeof(space));
    enum studio_err err =
        handed_take(&s->handed, FIRST_FD, count, names ? names : "", &listen, error);
    if (err == STUDIO_OK)
        err = studio_agent_config_set(config, "websocket.listen", space, error);
    return err;
}

bool service_tell(const struct service *s, const char *lines, bool wait)
{
    const int flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);

    return !s || s->fd < 0 ||
           sendto(s->fd, lines, strlen(lines), flags, (const struct sockaddr *)&s->address,
                  s->address_len) >= 0 ||
           errno != EAGAIN;
}

void service_reloading(const struct service *s)
{
    char lines[64];

    snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)clock_mono_us(clock_system()));
    (void)service_tell(s, lines, true);
}

void service_reloaded(const struct service *s)
{
    (void)service_tell(s, "READY=1", true);
}
