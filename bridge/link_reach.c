/*
 * link_reach.c - the library tries one address of a name, the first of IPv4. So the linker puts a
 * function of ours in the place of its Socket_new (CMakeLists.txt), which hands it a socket that is
 * connected: to it that is a connection which came about at once. The names and types are those of the
 * library's archive, version 1.3.12.
 *
 * It also takes an address of IPv6 for a host's name, its bracket included.
 */
#include "link_reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "link_race.h"

int __wrap_Socket_new(const char *address, size_t len, int port, int *out, long timeout);
int Socket_addSocket(int socket);
int __wrap_X509_check_ip_asc(X509 *certificate, const char *address, unsigned flags);
int __real_X509_check_ip_asc(X509 *certificate, const char *address, unsigned flags);

/* What the library's function returns. */
enum { CONNECTED = 0, FAILED = -1 };

enum { HOST_MAX = 256 };

static const char *trouble, *last;
static char reached[LINK_ADDRESS_MAX];

static const char *words_for(int error)
{
    if (error == ETIMEDOUT)
        return "no answer within 10 s";
    return error == ECONNREFUSED ? "nobody listens at that port"
                                 : "cannot reach it (address, port or firewall)";
}

/* Those to be tried last have to wait for the others' end: they may well be the faster ones. */
static int race(const struct addrinfo *const *order, size_t count, size_t late,
                const struct addrinfo **winner)
{
    const int ms = late > 0 && late < count ? REACH_MS / 2 : REACH_MS;
    int fd = race_run(order, count - late, ms, winner);

    if (fd < 0 && late > 0)
        fd = race_run(order + count - late, late, ms, winner);
    return fd;
}

/* Connected to one of them, or -1. */
static int reach(const char *host, const char *port)
{
    const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP, .ai_flags = AI_NUMERICSERV};
    const struct addrinfo *order[RACE_MAX], *winner;
    struct addrinfo *list = NULL;
    size_t count, late;
    int fd;

    if (getaddrinfo(host, port, &hints, &list) != 0) {
        trouble = "its name is unknown: check the address, or the name server";
        return -1;
    }
    count = race_order(list, last, order, &late);
    fd = race(order, count, late, &winner);
    trouble = fd < 0 ? words_for(errno) : NULL;
    if (fd >= 0)
        race_numbers(winner, reached);
    freeaddrinfo(list);
    return fd;
}

/* `len` is without the closing bracket. With the library's lock: it does nothing else meanwhile. */
int __wrap_Socket_new(const char *address, size_t len, int port, int *out, long timeout)
{
    const size_t bracket = *address == '[';
    char host[HOST_MAX], number[8];

    (void)timeout;
    *out = -1;
    snprintf(host, sizeof(host), "%.*s", (int)(len - bracket), address + bracket);
    snprintf(number, sizeof(number), "%d", port);
    *out = reach(host, number);
    if (*out >= 0 && Socket_addSocket(*out) != 0) {
        close(*out);
        *out = -1;
    }
    return *out >= 0 ? CONNECTED : FAILED;
}

int __wrap_X509_check_ip_asc(X509 *certificate, const char *address, unsigned flags)
{
    return __real_X509_check_ip_asc(certificate, address + (*address == '['), flags);
}

void reach_last(const char *addresses)
{
    last = addresses;
}

const char *reach_address(void)
{
    return reached;
}

const char *reach_trouble(void)
{
    return trouble;
}

bool reach_numeric(const char *address)
{
    char host[HOST_MAX];
    struct in_addr four;

    snprintf(host, sizeof(host), "%.*s", (int)strcspn(address, ":"), address);
    return *address == '[' || inet_pton(AF_INET, host, &four) == 1;
}
