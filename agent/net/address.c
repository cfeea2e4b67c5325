#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool fill(const struct address *address, uint16_t port, struct sockaddr_storage *out,
                 socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof(*out));
    if (address->ipv6) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *len = sizeof(*v6);
        return !address->text[0] || inet_pton(AF_INET6, address->text, &v6->sin6_addr) == 1;
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    *len = sizeof(*v4);
    return !address->text[0] || inet_pton(AF_INET, address->text, &v4->sin_addr) == 1;
}

int address_open(const struct address *address, uint16_t port)
{
    struct sockaddr_storage sa;
    socklen_t len;
    int one = 1, fd, saved;

    if (!fill(address, port, &sa, &len)) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    /* A port in TIME_WAIT counts as free, one listened on does not. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (address->only_ipv6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&sa, len) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

bool address_free(const struct address *address, uint16_t port)
{
    int fd = address_open(address, port);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void add(struct addresses *out, const char *text, bool ipv6)
{
    struct address *address = &out->list[out->count++];

    snprintf(address->text, sizeof(address->text), "%s", text);
    address->ipv6 = ipv6;
}

static enum studio_err resolve(const char *host, struct addresses *out, struct studio_error *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char text[ADDRESS_TEXT_MAX];
    int rc = getaddrinfo(host, NULL, &hints, &found);

    if (rc == 0)
        rc = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0,
                         NI_NUMERICHOST);
    if (rc == 0)
        add(out, text, found->ai_family == AF_INET6);
    if (found)
        freeaddrinfo(found);
    if (rc != 0)
        return studio_error_set(error, STUDIO_ERR_ADDRESS,
                                ": cannot listen on %s: %s; use an address of this machine, "
                                "localhost or 0.0.0.0",
                                host, gai_strerror(rc));
    return STUDIO_OK;
}

static enum studio_err bind_error(const char *host, uint16_t port, struct studio_error *error)
{
    if (errno == EADDRINUSE)
        return studio_error_set(error, STUDIO_ERR_ADDRESS,
                                ": port %u on %s is in use; `ss -ltnp 'sport = :%u'` names who has "
                                "it, --listen %s:PORT chooses another",
                                port, host, port, host);
    if (errno == EACCES)
        return studio_error_set(error, STUDIO_ERR_ADDRESS,
                                ": not allowed to listen on port %u; take one above 1023", port);
    return studio_error_set(error, STUDIO_ERR_ADDRESS, ": cannot listen on %s port %u: %s", host,
                            port, strerror(errno));
}

enum studio_err addresses_find(const char *host, uint16_t port, bool beside_ipv4,
                               struct addresses *out, struct studio_error *error)
{
    bool local = strcmp(host, "localhost") == 0;
    enum studio_err err = STUDIO_OK;

    memset(out, 0, sizeof(*out));
    if (local) {
        add(out, "127.0.0.1", false);
        add(out, "::1", true);
        if (!address_free(&out->list[1], 0))
            out->count = 1; /* a machine without IPv6 */
    } else if (strcmp(host, "*") == 0 || strcmp(host, "::") == 0) {
        add(out, "", true);
        out->list[0].only_ipv6 = beside_ipv4;
        if (!beside_ipv4 && !address_free(&out->list[0], 0))
            out->list[0].ipv6 = false;
    } else if (strcmp(host, "0.0.0.0") == 0) {
        add(out, "", false);
    } else {
        err = resolve(host, out, error);
    }
    for (int i = 0; err == STUDIO_OK && i < out->count; i++)
        if (!address_free(&out->list[i], port))
            err = bind_error(host, port, error);
    return err;
}
