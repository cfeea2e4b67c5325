#include "base/origins.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

struct part {
    const char *text;
    size_t len;
};

struct place {
    struct part host; /* of IPv6 with its brackets */
    unsigned port;    /* 0: it is left out */
};

struct origin {
    struct part scheme;
    struct place place;
};

static const struct {
    const char *name;
    unsigned port;
} schemes[] = {{"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}};

static bool is_same(struct part a, struct part b)
{
    return a.len == b.len && strncasecmp(a.text, b.text, a.len) == 0;
}

/* 0: of a scheme that has none. */
static unsigned usual_port(struct part scheme)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (is_same(scheme, (struct part){schemes[i].name, strlen(schemes[i].name)}))
            return schemes[i].port;
    return 0;
}

/* --- reading ----------------------------------------------------------------------------------- */

static bool read_port(const char *text, unsigned *port)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 5 || text[digits])
        return false;
    *port = (unsigned)strtoul(text, NULL, 10);
    return *port > 0 && *port <= 65535;
}

/* `HOST[:PORT]`, to the end of the text. */
static bool read_place(const char *text, struct place *out)
{
    bool bracket = *text == '[';
    size_t len =
        bracket ? 1 + strspn(text + 1, "0123456789abcdefABCDEF:.") : strspn(text, ALNUM "-._~");

    if (len <= bracket || (bracket && text[len++] != ']'))
        return false;
    *out = (struct place){{text, len}, 0};
    return !text[len] || (text[len] == ':' && read_port(text + len + 1, &out->port));
}

/* `SCHEME://HOST[:PORT]`; neither `null` nor several are one. */
static bool read_origin(const char *text, struct origin *out)
{
    static const char behind[] = "://";
    size_t len = strspn(text, ALNUM "+-.");

    out->scheme = (struct part){text, len};
    return len > 0 && strncmp(text + len, behind, sizeof(behind) - 1) == 0 &&
           read_place(text + len + sizeof(behind) - 1, &out->place);
}

static const char *add(struct origins *out, const char *text, size_t len)
{
    static const char expected[] = "expected origins like https://ops.example or "
                                   "http://10.0.0.7:8080, nothing behind host and "
                                   "port, separated by commas; or *";
    struct origin ignored;
    char *entry;

    if (out->count == ORIGINS_MAX)
        return "at most 16 origins";
    if (len == 0 || len > ORIGIN_MAX)
        return expected;
    entry = out->list[out->count];
    memcpy(entry, text, len);
    entry[len] = '\0';
    if (strcmp(entry, "*") == 0) {
        out->any = true;
        return NULL;
    }
    out->count++;
    return read_origin(entry, &ignored) ? NULL : expected;
}

const char *origins_parse(const char *text, struct origins *out)
{
    const char *wrong = NULL;

    out->any = false;
    out->count = 0;
    if (text && !*text)
        text = NULL;
    while (text && !wrong) {
        const char *part;
        size_t len;

        text = text_part(text, &part, &len);
        wrong = add(out, part, len);
    }
    return wrong;
}

/* --- asking ------------------------------------------------------------------------------------ */

static unsigned port_of(const struct place *place, unsigned usual)
{
    return place->port ? place->port : usual;
}

/* Is the page's the address that is asked? */
static bool is_own(const struct origins *origins, const struct origin *page,
                   const struct place *asked, enum origin_way way)
{
    unsigned usual = usual_port(page->scheme);

    if (usual == 0 || !is_same(page->place.host, asked->host))
        return false;
    if (origins->tls_only && way == ORIGIN_WAY_TLS && usual == 80)
        return false;
    if (page->place.port == 0 && asked->port == 0)
        return true;
    return port_of(&page->place, usual) == port_of(asked, way == ORIGIN_WAY_TLS     ? 443
                                                          : way == ORIGIN_WAY_PLAIN ? 80
                                                                                    : usual);
}

static bool is_listed(const struct origins *origins, const struct origin *page)
{
    unsigned usual = usual_port(page->scheme);

    for (size_t i = 0; i < origins->count; i++) {
        struct origin entry;

        if (read_origin(origins->list[i], &entry) && is_same(entry.scheme, page->scheme) &&
            is_same(entry.place.host, page->place.host) &&
            port_of(&entry.place, usual) == port_of(&page->place, usual))
            return true;
    }
    return false;
}

bool origins_have(const struct origins *origins, const char *origin, const char *host,
                  enum origin_way way)
{
    struct origin page;
    struct place asked;

    if (origins->any)
        return true;
    return read_origin(origin, &page) &&
           ((read_place(host, &asked) && is_own(origins, &page, &asked, way)) ||
            is_listed(origins, &page));
}
