#include "cmd/own_names.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static void add(struct own_names *out, const char *name)
{
    if (!*name || out->count == OWN_NAMES_MAX)
        return;
    for (size_t i = 0; i < out->count; i++)
        if (strcasecmp(out->list[i], name) == 0)
            return;
    snprintf(out->list[out->count++], sizeof(out->list[0]), "%s", name);
}

/* With its domain where that is known. */
static void add_host(struct own_names *out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME}, *found = NULL;
    char host[OWN_NAME_MAX + 1] = "";

    if (gethostname(host, sizeof(host) - 1) != 0)
        return;
    if (getaddrinfo(host, NULL, &hints, &found) == 0 && found->ai_canonname)
        add(out, found->ai_canonname);
    if (found)
        freeaddrinfo(found);
    add(out, host);
}

static void add_address(struct own_names *out, const struct sockaddr *sa)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
    char text[INET6_ADDRSTRLEN];

    if (sa->sa_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text)))
        add(out, text);
    else if (sa->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) &&
             inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text)))
        add(out, text);
}

static const char *const local[] = {"localhost", "127.0.0.1", "::1"};

bool own_names_local(const char *name)
{
    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
        if (strcasecmp(local[i], name) == 0)
            return true;
    return false;
}

void own_names_find(struct own_names *out, const char *const *first, size_t count)
{
    struct ifaddrs *all = NULL;

    out->count = 0;
    for (size_t i = 0; i < count; i++)
        add(out, first[i]);
    add_host(out);
    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
        add(out, local[i]);
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *at = all; at; at = at->ifa_next)
        if (at->ifa_addr)
            add_address(out, at->ifa_addr);
    freeifaddrs(all);
}
