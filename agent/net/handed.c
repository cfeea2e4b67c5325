#include "net/handed.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

static bool is(int fd, int option, int value)
{
    int has = 0;
    socklen_t len = sizeof(has);

    return getsockopt(fd, SOL_SOCKET, option, &has, &len) == 0 && has == value;
}

static const char *scheme_of(const char *name, size_t len)
{
    static const struct {
        const char *name, *scheme;
    } schemes[] = {{"tls", "wss://"}, {"plain", "ws://"}};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
        if (strlen(schemes[i].name) == len && memcmp(schemes[i].name, name, len) == 0)
            return schemes[i].scheme;
    return "";
}

/* False: neither at a port nor at a path. */
static bool print_where(struct buf *out, int fd, const char *scheme)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } at = {.any.sa_family = AF_UNSPEC};
    char host[INET6_ADDRSTRLEN];
    socklen_t len = sizeof(at) - 1; /* a path may fill its room, without an end */

    if (getsockname(fd, &at.any, &len) != 0)
        return false;
    if (at.any.sa_family == AF_INET6 && inet_ntop(AF_INET6, &at.v6.sin6_addr, host, sizeof(host)))
        buf_printf(out, "%s[%s]:%u", scheme, host, ntohs(at.v6.sin6_port));
    else if (at.any.sa_family == AF_INET && inet_ntop(AF_INET, &at.v4.sin_addr, host, sizeof(host)))
        buf_printf(out, "%s%s:%u", scheme, host, ntohs(at.v4.sin_port));
    else if (at.any.sa_family == AF_UNIX && at.local.sun_path[0] == '/' &&
             !strchr(at.local.sun_path, ','))
        buf_printf(out, "unix:%s", at.local.sun_path);
    else
        return false;
    return true;
}

enum studio_err handed_take(struct handed *handed, int first, long long count, const char *names,
                            struct buf *listen, struct studio_error *error)
{
    if (count > LISTEN_MAX)
        return studio_error_set(error, STUDIO_ERR_USAGE,
                                ": %lld sockets were handed over, %d at most can be served", count,
                                LISTEN_MAX);
    handed->count = 0;
    for (int fd = first; fd < first + (int)count; fd++) {
        const size_t len = strcspn(names, ":");
        const char *scheme = scheme_of(names, len);

        if (handed->count > 0)
            buf_str(listen, ",");
        if (!is(fd, SO_TYPE, SOCK_STREAM) || !is(fd, SO_ACCEPTCONN, 1) ||
            !print_where(listen, fd, scheme))
            return studio_error_set(error, STUDIO_ERR_USAGE,
                                    ": the socket %.*s that was handed over does not listen at a "
                                    "port or a path (ListenStream=, without Accept=yes)",
                                    (int)len, names);
        if (is(fd, SO_DOMAIN, AF_UNIX) && strcmp(scheme, "wss://") == 0)
            return studio_error_set(error, STUDIO_ERR_USAGE,
                                    ": a socket that was handed over as `tls` listens at a path, "
                                    "where no TLS is spoken: give it another FileDescriptorName=, "
                                    "in a unit of its own if there are ports in this one");
        names += len + (names[len] == ':');
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        handed->fds[handed->count++] = fd;
    }
    return STUDIO_OK;
}
