#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

enum { LOCAL_MODE = 0660 /* who may connect: owner and group, whose the folder's are */ };

static void add(struct listeners *out, int fd, bool tls)
{
    out->list[out->count++] = (struct listener){.fd = fd, .tls = tls};
}

/* --- ports ------------------------------------------------------------------------------------- */

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } sa = {.v6 = {.sin6_family = AF_UNSPEC}};
    socklen_t len = sizeof(sa);

    if (getsockname(fd, &sa.any, &len) != 0)
        return 0;
    return ntohs(sa.any.sa_family == AF_INET6 ? sa.v6.sin6_port : sa.v4.sin_port);
}

/* 0.0.0.0 has the addresses of IPv4 at this port, be it that it comes later in the list. */
static bool is_beside_ipv4(const struct listen_list *list, const struct listen_at *at)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].kind != LISTEN_UNIX && list->at[i].port == at->port &&
            strcmp(list->at[i].where, "0.0.0.0") == 0)
            return true;
    return false;
}

/* `port` is the one that is taken, when any was asked for. */
static enum studio_err open_ports(struct listeners *out, const struct listen_list *list,
                                  const struct listen_at *at, uint16_t *port,
                                  struct studio_error *error)
{
    struct addresses addresses;
    enum studio_err err =
        addresses_find(at->where, at->port, is_beside_ipv4(list, at), &addresses, error);

    *port = at->port;
    if (err != STUDIO_OK)
        return err;
    for (int i = 0; i < addresses.count; i++) {
        int fd = address_open(&addresses.list[i], *port);

        if (fd < 0 && i > 0) { /* the free port of 127.0.0.1 is taken on ::1 */
            log_warn("server", "cannot listen on [%s] port %u as well", addresses.list[i].text,
                     *port);
            break;
        }
        if (fd < 0)
            return studio_error_set(error, STUDIO_ERR_ADDRESS, ": cannot listen on %s port %u: %s",
                                    at->where, *port, strerror(errno));
        add(out, fd, at->kind == LISTEN_TLS);
        *port = port_of(fd);
    }
    return STUDIO_OK;
}

static void name_port(struct listeners *out, const struct listen_at *at, uint16_t port)
{
    bool v6 = strchr(at->where, ':') != NULL;

    if (out->port == 0)
        out->port = port;
    snprintf(out->names[out->name_count++], LISTENER_NAME_MAX, "ws%s://%s%s%s:%u",
             at->kind == LISTEN_TLS ? "s" : "", v6 ? "[" : "", at->where, v6 ? "]" : "", port);
}

static enum studio_err open_port(struct listeners *out, const struct listen_list *list,
                                 const struct listen_at *at, struct studio_error *error)
{
    uint16_t port;
    enum studio_err err = open_ports(out, list, at, &port, error);

    if (err == STUDIO_OK)
        name_port(out, at, port);
    return err;
}

/* --- the file system ------------------------------------------------------------------------------ */

/* A socket that nobody listens on any more is in the way: it is removed. */
static void remove_left_behind(const struct sockaddr_un *sa)
{
    struct stat about;
    int fd;

    if (lstat(sa->sun_path, &about) != 0 || !S_ISSOCK(about.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) != 0 &&
        errno == ECONNREFUSED)
        (void)unlink(sa->sun_path);
    if (fd >= 0)
        close(fd);
}

/* -1: errno says why. Nobody can connect before it listens, and by then it has its mode. */
static int open_local(const struct sockaddr_un *sa)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), saved;

    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0) {
        if (chmod(sa->sun_path, LOCAL_MODE) == 0 && listen(fd, SOMAXCONN) == 0)
            return fd;
        saved = errno;
        (void)unlink(sa->sun_path);
        errno = saved;
    }
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static void name_path(struct listeners *out, const struct listen_at *at)
{
    snprintf(out->names[out->name_count++], LISTENER_NAME_MAX, "unix:%s", at->where);
}

static enum studio_err open_path(struct listeners *out, const struct listen_at *at,
                                 struct studio_error *error)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd;

    _Static_assert(LISTEN_PATH_MAX < sizeof(sa.sun_path), "a path has room in an address");
    memcpy(sa.sun_path, at->where, strlen(at->where));
    remove_left_behind(&sa);
    fd = open_local(&sa);
    if (fd < 0)
        return studio_error_set(error, STUDIO_ERR_ADDRESS, ": cannot listen on unix:%s: %s%s",
                                at->where, strerror(errno),
                                errno == EADDRINUSE ? "; another agent has it, or it is no socket"
                                                    : "");
    add(out, fd, false);
    snprintf(out->paths[out->path_count++], sizeof(*out->paths), "%s", sa.sun_path);
    name_path(out, at);
    return STUDIO_OK;
}

/* --- all of them ------------------------------------------------------------------------------------ */

/* A path that is another's stays. */
static void take(struct listeners *out, const struct listen_at *at, int fd)
{
    add(out, fd, at->kind == LISTEN_TLS);
    out->list[out->count - 1].handed = true;
    if (at->kind == LISTEN_UNIX)
        name_path(out, at);
    else
        name_port(out, at, at->port);
}

enum studio_err listeners_open(const struct listen_list *where, const struct handed *handed,
                               struct listeners *out, struct studio_error *error)
{
    const size_t taken = handed ? handed->count : 0;
    enum studio_err err = STUDIO_OK;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < taken && i < where->count; i++)
        take(out, &where->at[i], handed->fds[i]);
    for (size_t i = taken; err == STUDIO_OK && i < where->count; i++)
        err = where->at[i].kind == LISTEN_UNIX ? open_path(out, &where->at[i], error)
                                               : open_port(out, where, &where->at[i], error);
    if (err != STUDIO_OK)
        listeners_close(out);
    return err;
}

void listeners_close(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        close(listeners->list[i].fd);
    for (size_t i = 0; i < listeners->path_count; i++)
        (void)unlink(listeners->paths[i]);
    listeners->count = listeners->path_count = 0;
}

enum listener_accepted listener_accept(const struct listener *listener, int *fd)
{
    int one = 1;

    do /* those who are gone already are passed over */
        *fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (*fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO));
    if (*fd < 0)
        return errno == EAGAIN ? LISTENER_EMPTY : LISTENER_FAILED;
    (void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* of a port */
    return LISTENER_SOCKET;
}
