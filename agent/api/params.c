#include "api/params.h"

#include <string.h>

#include "base/text.h"

enum { PARAMS_MAX = 16 /* that a path takes */ };

static const struct param *find(const struct param *params, size_t count, const char *arg,
                                size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(params[i].name) == len && memcmp(params[i].name, arg, len) == 0)
            return &params[i];
    return NULL;
}

static bool refuse(struct api_request *r, const char *what, const char *name, size_t len)
{
    struct studio_error error = {.code = STUDIO_ERR_INVALID_VALUE};
    struct buf title;

    buf_init_fixed(&title, error.text, sizeof(error.text));
    buf_str(&title, what);
    if (text_utf8_valid(name, len)) /* and not too long: else it is not named */
        buf_add(&title, name, len);
    exchange_error(r->exchange, &error);
    return false;
}

bool request_params(struct api_request *r, const struct param *params, size_t count, void *query)
{
    bool seen[PARAMS_MAX] = {false};
    const char *arg;

    for (size_t i = 0; (arg = exchange_arg_at(r->exchange, i)) != NULL; i++) {
        size_t len = strcspn(arg, "=");
        const struct param *param = find(params, count, arg, len);
        if (!param)
            return refuse(r, "Unknown parameter: ", arg, len);
        if (seen[param - params])
            return refuse(r, "Duplicate parameter: ", arg, len);
        seen[param - params] = true;
        if (arg[len] == '=' && param->read(query, arg + len + 1))
            continue;
        char detail[128];
        struct buf text;
        buf_init_fixed(&text, detail, sizeof(detail));
        buf_printf(&text, "%s: expected %s", param->name, param->expected);
        request_refuse(r, STUDIO_ERR_INVALID_VALUE, text.data);
        return false;
    }
    return true;
}

/* One of the kinds, which `text` moves behind; 0: none. */
static unsigned read_kind(const char **text)
{
    static const struct {
        const char *name;
        unsigned kind;
    } kinds[] = {{"changes", EVENT_BIT(EVENT_CHANGE)}, {"exceptions", EVENT_BIT(EVENT_EXCEPTION)}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].name);
        if (strncmp(*text, kinds[i].name, len) != 0)
            continue;
        *text += len;
        return kinds[i].kind;
    }
    return 0;
}

bool param_kinds(const char *text, unsigned *kinds)
{
    for (*kinds = 0;; text++) {
        unsigned kind = read_kind(&text);
        if (kind == 0)
            return false;
        *kinds |= kind;
        if (*text != ',')
            return !*text;
    }
}

/* As it may stand in an address. */
static void encode(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c);
        if (plain)
            buf_add(out, text, 1);
        else
            buf_printf(out, "%%%02X", c);
    }
}

static void add(struct buf *out, const char *name, size_t len, const char *value)
{
    buf_str(out, memchr(out->data, '?', out->len) ? "&" : "?");
    buf_add(out, name, len); /* one that the path takes: plain */
    buf_str(out, "=");
    encode(out, value);
}

static bool is(const char *name, const char *arg, size_t len)
{
    return name && strlen(name) == len && memcmp(arg, name, len) == 0;
}

void request_next(struct api_request *r, const char *after, const char *once)
{
    static const char name[] = "after";
    struct buf link;
    const char *arg;

    buf_init(&link, SIZE_MAX);
    buf_str(&link, "<");
    buf_str(&link, exchange_path(r->exchange)); /* that of a route: plain */
    for (size_t i = 0; buf_ok(&link) && (arg = exchange_arg_at(r->exchange, i)) != NULL; i++) {
        size_t len = strcspn(arg, "=");
        if (!is(name, arg, len) && !is(once, arg, len))
            add(&link, arg, len, arg + len + 1);
    }
    if (buf_ok(&link))
        add(&link, name, sizeof(name) - 1, after);
    buf_str(&link, ">; rel=\"next\"");
    if (buf_ok(&link))
        exchange_header(r->exchange, "link", link.data);
    buf_finish(&link);
}
