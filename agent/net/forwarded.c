#include "net/forwarded.h"

#include <string.h>
#include <strings.h>

static const char blanks[] = " \t";

/* The way of a request, as far as it has been read. */
struct way {
    const struct networks *trusted;
    char from[PEER_TEXT_MAX + 1]; /* empty: nobody can be told */
    bool client;                  /* it is no proxy: those behind it speak for it */
};

/* `1.2.3.4`, `1.2.3.4:567`, `2001:db8::1`, `[2001:db8::1]:567`. False: none, like `unknown`. */
static bool read_address(const char *text, size_t len, char out[PEER_TEXT_MAX + 1])
{
    if (len > 0 && *text == '[') {
        const char *end = memchr(text, ']', len);
        if (!end || (end + 1 < text + len && end[1] != ':'))
            return false;
        len = (size_t)(end - ++text);
    } else {
        const char *colon = memchr(text, ':', len);
        if (colon && !memchr(colon + 1, ':', len - (size_t)(colon + 1 - text)))
            len = (size_t)(colon - text); /* of a port */
    }
    if (len == 0 || len > PEER_TEXT_MAX)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    address_tidy(out);
    return address_is(out);
}

/* The next on the way. */
static void pass(struct way *way, const char *text, size_t len)
{
    char address[PEER_TEXT_MAX + 1] = "";
    bool known = read_address(text, len, address);
    bool proxy = known && networks_have(way->trusted, address);

    if (proxy && way->client)
        return;
    way->client = known && !proxy;
    memcpy(way->from, known ? address : "", known ? sizeof(address) : 1);
}

static bool tell(const struct way *way, char out[PEER_TEXT_MAX + 1])
{
    if (!way->from[0])
        return false;
    memcpy(out, way->from, sizeof(way->from));
    return true;
}

bool forwarded_list(const struct networks *trusted, const char *header, char out[PEER_TEXT_MAX + 1])
{
    struct way way = {.trusted = trusted};

    for (;;) {
        const char *end = header + strcspn(header, ","), *last = end;
        header += strspn(header, blanks);
        while (last > header && strchr(blanks, last[-1]))
            last--;
        pass(&way, header, (size_t)(last - header));
        if (!*end)
            return tell(&way, out);
        header = end + 1;
    }
}

/* A value, in quotes or not, of which *at is the first character; it moves behind it. False: it is none. */
static bool read_value(const char **at, const char **value, size_t *len)
{
    bool quoted = **at == '"';
    const char *end = *at += quoted;

    if (quoted)
        while (*end && *end != '"')
            end += end[0] == '\\' && end[1] ? 2 : 1;
    else
        end += strcspn(end, "\",;\\ \t");
    *value = *at;
    *len = (size_t)(end - *at);
    *at = end + (quoted && *end);
    return quoted ? *end == '"' : *len > 0;
}

/* One element, from its first pair on; *at moves behind it. Of what the proxy says of others, like the host, the
 * client may have chosen the words. False: it is none. */
static bool read_element(const char **at, const char **address, size_t *len)
{
    *address = NULL;
    *len = 0;
    for (;; ++*at) {
        const char *name = *at += strspn(*at, blanks), *value;
        size_t name_len = strcspn(name, "=\",;\\ \t"), value_len;
        *at += name_len;
        if (name_len > 0 && (*(*at)++ != '=' || !read_value(at, &value, &value_len)))
            return false;
        if (name_len == 3 && strncasecmp(name, "for", name_len) == 0) {
            if (*address)
                return false; /* who is it? */
            *address = value;
            *len = value_len;
        }
        *at += strspn(*at, blanks);
        if (**at != ';')
            return !**at || **at == ',';
    }
}

bool forwarded_pairs(const struct networks *trusted, const char *header,
                     char out[PEER_TEXT_MAX + 1])
{
    struct way way = {.trusted = trusted};

    for (;; header++) {
        const char *address;
        size_t len;
        if (!read_element(&header, &address, &len))
            return false;
        pass(&way, address ? address : "", len);
        if (!*header)
            return tell(&way, out);
    }
}
