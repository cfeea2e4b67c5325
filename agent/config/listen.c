#include "config/listen.h"

#include <string.h>

#include "base/text.h"

static const char *parse_path(const char *text, size_t len, struct listen_at *out)
{
    if (len == 0 || len > LISTEN_PATH_MAX || *text != '/')
        return "expected unix:/PATH with an absolute path of at most 107 bytes";
    memcpy(out->where, text, len);
    out->where[len] = '\0';
    return NULL;
}

static const char *parse_address(const char *text, size_t len, struct listen_at *out)
{
    char address[ADDRESS_HOST_MAX + sizeof("[]:65535")];

    if (len < sizeof(address)) {
        memcpy(address, text, len);
        address[len] = '\0';
        if (address_split(address, out->where, &out->port))
            return NULL;
    }
    if (len > 0 && (*text == ':' || *text == '*'))
        return "expected HOST:PORT; all addresses of this machine are 0.0.0.0:PORT or [::]:PORT";
    return "expected HOST:PORT with a port from 0 to 65535, like localhost:8080 or [::1]:8080; "
           "ws:// or wss:// before it, unix:/PATH, several separated by commas";
}

static const char *parse_one(const char *text, size_t len, bool tls, struct listen_at *out)
{
    static const struct {
        const char *scheme;
        enum listen_kind kind;
    } schemes[] = {{"ws://", LISTEN_PLAIN}, {"wss://", LISTEN_TLS}, {"unix:", LISTEN_UNIX}};

    out->kind = tls ? LISTEN_TLS : LISTEN_PLAIN;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t n = strlen(schemes[i].scheme);

        if (len < n || strncmp(text, schemes[i].scheme, n) != 0)
            continue;
        out->kind = schemes[i].kind;
        text += n;
        len -= n;
        break;
    }
    return out->kind == LISTEN_UNIX ? parse_path(text, len, out) : parse_address(text, len, out);
}

const char *listen_parse(const char *text, bool tls, struct listen_list *out)
{
    const char *wrong = NULL;

    memset(out, 0, sizeof(*out));
    while (text && !wrong) {
        const char *part;
        size_t len;

        text = text_part(text, &part, &len);
        if (out->count == LISTEN_MAX)
            return "at most 8 addresses";
        wrong = parse_one(part, len, tls, &out->at[out->count++]);
    }
    return wrong;
}

bool listen_has(const struct listen_list *list, enum listen_kind kind)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].kind == kind)
            return true;
    return false;
}

const char *check_listen(const char *value)
{
    struct listen_list ignored;

    return listen_parse(value, false, &ignored);
}
