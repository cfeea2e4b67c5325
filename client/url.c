#include "url.h"

#include <stdio.h>
#include <string.h>

#include "client_error.h"

static bool skip_scheme(const char **text, bool *tls)
{
    static const struct {
        const char *prefix;
        bool tls;
    } schemes[] = {{"ws://", false}, {"wss://", true}};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].prefix);
        if (strncasecmp(*text, schemes[i].prefix, len) == 0) {
            *text += len;
            *tls = schemes[i].tls;
            return true;
        }
    }
    return false;
}

/* Decimal 1-65535 and nothing else. */
static bool parse_port(const char *text, size_t len, uint16_t *port)
{
    unsigned value = 0;

    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    if (value == 0 || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

static bool parse_host(const char *host, size_t len, struct url *out)
{
    if (len == 0 || len > URL_HOST_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)host[i];
        if (c <= ' ' || c == 0x7f || strchr("@[]\\\"<>%", c) != NULL)
            return false;
    }
    memcpy(out->host, host, len);
    out->host[len] = '\0';
    return true;
}

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. */
static bool parse_authority(const char *text, size_t len, struct url *out)
{
    const char *end = text + len, *host = text, *host_end;
    bool bracketed = len > 0 && text[0] == '[';

    if (bracketed) {
        host++;
        host_end = memchr(host, ']', len - 1);
    } else {
        host_end = memchr(text, ':', len);
        if (host_end == NULL)
            host_end = end;
    }
    if (host_end == NULL || !parse_host(host, (size_t)(host_end - host), out))
        return false;

    const char *rest = host_end + (bracketed ? 1 : 0);
    out->port = out->tls ? 443 : 80;
    if (rest != end &&
        (*rest != ':' || !parse_port(rest + 1, (size_t)(end - rest - 1), &out->port)))
        return false;
    snprintf(out->authority, sizeof(out->authority), bracketed ? "[%s]:%u" : "%s:%u", out->host,
             (unsigned)out->port);
    return true;
}

static bool parse_path(const char *text, struct url *out)
{
    size_t len = strlen(text);

    if (len > URL_PATH_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f)
            return false;
    memcpy(out->path, len == 0 ? "/" : text, (len == 0 ? 1 : len) + 1);
    return true;
}

enum studio_err url_parse(const char *text, struct url *out, struct studio_error *error)
{
    const char *rest = text;

    memset(out, 0, sizeof(*out));
    if (!skip_scheme(&rest, &out->tls))
        return client_error_usage(error,
                                  "'%.100s' is no WebSocket address: it must begin with "
                                  "ws:// or wss://, as in ws://localhost:8080",
                                  text);
    if (strpbrk(rest, "?#") != NULL)
        return client_error_usage(error, "the address must not have a '?' or '#' part: give table, "
                                         "device and token by their own options");

    size_t len = strcspn(rest, "/");
    if (memchr(rest, '@', len) != NULL)
        return client_error_usage(error, "the address must not name a user: give table, device and "
                                         "token by their own options");
    if (!parse_authority(rest, len, out))
        return client_error_usage(error,
                                  "'%.100s' has no valid HOST:PORT, as in "
                                  "ws://localhost:8080 or ws://[::1]:8080",
                                  text);
    if (!parse_path(rest + len, out))
        return client_error_usage(error,
                                  "the path of '%.100s' is too long or has bytes that must "
                                  "be percent-encoded",
                                  text);
    return STUDIO_OK;
}

void url_encode(struct buf *out, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL)
            buf_add(out, text, 1);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

void url_auth_path(struct buf *out, const struct url *url, const char *id, const char *token)
{
    buf_str(out, url->path);
    buf_str(out, "?id=");
    url_encode(out, id);
    buf_str(out, "&token=");
    url_encode(out, token);
}
