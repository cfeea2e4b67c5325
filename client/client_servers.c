#include "client_servers.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "client_error.h"

enum {
    PART_MAX = sizeof("wss://") + sizeof(((struct url *)0)->authority) + URL_PATH_MAX,
    LEAST_WORDS = 8 /* bytes of a reason that are worth showing */
};

static size_t count_parts(const char *text)
{
    size_t count = 1;

    for (; *text != '\0'; text++)
        count += *text == ',';
    return count;
}

/* One part, without the blanks around it, in at most `cap` bytes; what is longer is no address. */
static const char *take_part(const char *text, char *out, size_t cap)
{
    size_t len;

    text += strspn(text, " \t");
    len = strcspn(text, ",");
    const char *behind = text + len;
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    snprintf(out, cap, "%.*s", (int)(len < cap ? len : cap - 1), text);
    return *behind == ',' ? behind + 1 : behind;
}

enum studio_err servers_parse(const char *text, struct servers *out, struct studio_error *error)
{
    size_t parts = count_parts(text);
    char part[PART_MAX + 2];
    struct studio_error why;

    memset(out, 0, sizeof(*out));
    if (parts == 1) { /* as it stands: a blank there is a mistake */
        out->count = 1;
        return url_parse(text, &out->urls[0], error);
    }
    if (parts > SERVERS_MAX)
        return client_error_usage(error, "%zu addresses of the server are too many: at most %d",
                                  parts, SERVERS_MAX);
    for (size_t i = 0; i < parts; i++) {
        text = take_part(text, part, sizeof(part));
        if (part[0] == '\0')
            return client_error_usage(error,
                                      "address %zu of %zu is empty: write them as in "
                                      "ws://a:8080,ws://b:8080",
                                      i + 1, parts);
        if (url_parse(part, &out->urls[i], &why) != STUDIO_OK)
            return client_error_usage(error, "address %zu of %zu, '%.60s': %s", i + 1, parts, part,
                                      why.text);
    }
    out->count = parts;
    return STUDIO_OK;
}

const struct url *servers_now(const struct servers *s)
{
    return &s->urls[s->at];
}

bool servers_any_tls(const struct servers *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->urls[i].tls)
            return true;
    return false;
}

static void begin_round(struct servers *s)
{
    s->failed = 0;
    s->retry_s = 0;
}

void servers_held(struct servers *s)
{
    begin_round(s);
}

/* Without what every error of its code begins with, and without the address, which is told before it:
 * `Not connected to ws://a:80/: no route` is `no route`. */
static const char *words_of(const struct studio_error *why)
{
    const char *text = why->text, *common = studio_err_text(why->code);

    if (strncmp(text, common, strlen(common)) == 0 && text[strlen(common)] != '\0')
        text += strlen(common);
    if (strncmp(text, " to ", 4) == 0 && strstr(text, ": ") != NULL)
        text = strstr(text, ": ");
    return strncmp(text, ": ", 2) == 0 ? text + 2 : text;
}

/* What each has said, every one with its share of the room. */
static void say_all(const struct servers *s, struct studio_error *why)
{
    char text[STUDIO_ERROR_TEXT_MAX];
    enum studio_err code = s->whys[0].code;
    size_t len = 0;

    for (size_t i = 1; i < s->count; i++)
        if (s->whys[i].code != code)
            code = STUDIO_ERR_NOT_CONNECTED;
    studio_error_set(why, code, ": none of %zu servers lets us in; ", s->count);
    const size_t room = sizeof(text) - strlen(why->text);
    text[0] = '\0';
    for (size_t i = 0; i < s->count; i++) {
        size_t share = (room - len) / (s->count - i);
        int head = snprintf(text + len, share, "%s%s: ", i > 0 ? "; " : "", s->urls[i].authority);
        if (head < 0 || (size_t)head + LEAST_WORDS > share) { /* its name has no room */
            text[len] = '\0';
            continue;
        }
        snprintf(text + len + head, share - (size_t)head, "%s", words_of(&s->whys[i]));
        len += text_utf8_cut(text + len, strlen(text + len));
        text[len] = '\0';
    }
    studio_error_set(why, code, ": none of %zu servers lets us in; %s", s->count, text);
}

bool servers_failed(struct servers *s, struct studio_error *why, unsigned retry_s)
{
    s->whys[s->at] = *why;
    if (retry_s > 0 && (s->retry_s == 0 || retry_s < s->retry_s))
        s->retry_s = retry_s;
    s->at = (s->at + 1) % s->count;
    if (++s->failed < s->count)
        return true;
    if (s->count > 1)
        say_all(s, why);
    return false;
}

int64_t servers_pause(struct servers *s, unsigned backoff_ms, uint32_t random)
{
    unsigned asked_s = s->retry_s;
    int64_t most;

    begin_round(s);
    if (asked_s == 0 || asked_s > SERVERS_RETRY_MAX_S)
        return backoff_ms;
    if (asked_s < SERVERS_RETRY_MIN_S)
        asked_s = SERVERS_RETRY_MIN_S;
    most = (int64_t)asked_s * 1000 - random % (asked_s * 500); /* not all at the same time */
    return backoff_ms < most ? backoff_ms : most;
}

void servers_sign(const struct servers *s, struct studio_error *why)
{
    size_t len = strlen(why->text);

    if (s->count > 1)
        snprintf(why->text + len, sizeof(why->text) - len, " (says %s)", servers_now(s)->authority);
}
