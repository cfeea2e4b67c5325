/* checks.c - addresses, broker lists, topics and names, as a person writes them. */
#include "config/checks.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "base/names.h"
#include "base/networks.h"
#include "base/origins.h"
#include "studio/status.h"

static const char alnum[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static bool parse_port(const char *text, size_t len, uint16_t *port)
{
    unsigned n = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        n = n * 10 + (unsigned)(text[i] - '0');
    }
    if (n > UINT16_MAX)
        return false;
    *port = (uint16_t)n;
    return true;
}

static bool ipv6_valid(const char *text)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    size_t len = strcspn(text, "%"); /* fe80::1%eth0: the zone is the kernel's to judge */
    if (len >= sizeof address || (text[len] == '%' && text[len + 1] == '\0'))
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    return inet_pton(AF_INET6, address, &parsed) == 1;
}

static bool host_name_valid(const char *host)
{
    size_t len = strspn(host, alnum);
    len += strspn(host + len, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
    return len > 0 && host[len] == '\0' && strspn(host, alnum) > 0;
}

/* HOST or HOST:PORT or [V6] or [V6]:PORT; *colon says whether a port was given. */
static bool host_port_split(const char *text, size_t len, char host[ADDRESS_HOST_MAX + 1],
                            bool *with_port, uint16_t *port)
{
    bool bracket = len > 0 && text[0] == '[';
    const char *start = bracket ? text + 1 : text;
    const char *end = memchr(text, bracket ? ']' : ':', len);
    if (bracket && !end)
        return false;
    const char *after = end ? end + (bracket ? 1 : 0) : text + len;
    size_t host_len = (size_t)((end ? end : text + len) - start);
    if (host_len > ADDRESS_HOST_MAX)
        return false;
    memcpy(host, start, host_len);
    host[host_len] = '\0';
    if (strlen(host) != host_len || !(bracket ? ipv6_valid(host) : host_name_valid(host)))
        return false;
    *with_port = after < text + len;
    if (!*with_port)
        return true;
    return *after == ':' && parse_port(after + 1, (size_t)(text + len - after) - 1, port);
}

bool address_split(const char *address, char host[ADDRESS_HOST_MAX + 1], uint16_t *port)
{
    bool with_port;
    return host_port_split(address, strlen(address), host, &with_port, port) && with_port;
}

const char *check_not_empty(const char *value)
{
    return *value ? NULL : "must not be empty";
}

const char *check_store_url(const char *value)
{
    bool known = strncmp(value, "postgresql://", 13) == 0 || strncmp(value, "postgres://", 11) == 0;
    return known ? NULL : "must begin with postgresql://";
}

static const char *check_broker(const char *uri, size_t len)
{
    static const char *const schemes[] = {"mqtt://", "tcp://", "mqtts://", "ssl://"};
    const char *rest = NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t n = strlen(schemes[i]);
        if (len > n && strncmp(uri, schemes[i], n) == 0)
            rest = uri + n;
    }
    if (!rest)
        return "expected mqtt://HOST[:PORT] or mqtts://HOST[:PORT] (tcp:// and ssl:// mean the "
               "same), several separated by commas without blanks";
    size_t rest_len = len - (size_t)(rest - uri);
    if (memchr(rest, '@', rest_len))
        return "no login in a broker's address; use mqtt.username and mqtt.password_file";
    char host[ADDRESS_HOST_MAX + 1];
    bool with_port;
    uint16_t port = 0;
    if (!host_port_split(rest, rest_len, host, &with_port, &port) || (with_port && port == 0))
        return "expected HOST or HOST:PORT after the scheme, with a port from 1 to 65535 and "
               "nothing behind it, like mqtt://localhost:1883";
    return NULL;
}

/* Calls `check` for each part of a list separated by commas. */
static const char *check_list(const char *list, const char *(*check)(const char *, size_t))
{
    for (;;) {
        size_t len = strcspn(list, ",");
        const char *why = check(list, len);
        if (why || list[len] == '\0')
            return why;
        list += len + 1;
    }
}

const char *check_brokers(const char *value)
{
    return *value ? check_list(value, check_broker) : NULL;
}

const char *check_agent_id(const char *value)
{
    if (!*value || name_is_client(value, strlen(value)))
        return NULL;
    return "expected a letter or digit, then up to 63 of A-Z a-z 0-9 _ . @ -";
}

const char *check_topic_root(const char *value)
{
    size_t len = strlen(value);
    if (len == 0)
        return "expected a topic like studio or casino/studio";
    if (strpbrk(value, "+#"))
        return "no wildcards (+ or #) in a topic root";
    if (value[0] == '$')
        return "topics that start with $ belong to the broker";
    if (value[0] == '/' || value[len - 1] == '/' || strstr(value, "//"))
        return "no empty level: no / at the start or the end and no // inside";
    if (len > 1024)
        return "at most 1024 bytes";
    return NULL;
}

static const char *check_value(const char *name, size_t len)
{
    size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    if (len > 0 && len <= STUDIO_VALUE_MAX && good == len)
        return NULL;
    return "expected names of 1 to 32 of A-Z a-z 0-9 _ -, separated by commas without blanks";
}

const char *check_values(const char *value)
{
    size_t count = 1;
    for (const char *c = value; *c; c++)
        count += *c == ',';
    if (count > STUDIO_VALUES_MAX)
        return "at most 32 values in all";
    return *value ? check_list(value, check_value) : NULL;
}

const char *check_networks(const char *value)
{
    struct networks ignored;
    return networks_parse(value, &ignored);
}

const char *check_origins(const char *value)
{
    struct origins ignored;
    return origins_parse(value, &ignored);
}

const char *check_token(const char *value)
{
    return !*value || name_is_token(value, strlen(value))
               ? NULL
               : "expected 4 to 128 of A-Z a-z 0-9 . _ ~ -";
}
