#include "base/names.h"

#include <string.h>

#include "base/text.h"
#include "studio/status.h"

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(char c)
{
    return is_alpha(c) || (c >= '0' && c <= '9');
}

static bool is_of(char c, const char *others)
{
    return is_alnum(c) || (c != '\0' && strchr(others, c) != NULL);
}

/* True if every byte is a letter, a digit or one of `others`. */
static bool all_of(const char *text, size_t len, const char *others)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_of(text[i], others))
            return false;
    }
    return true;
}

bool name_is_table(const char *text, size_t len)
{
    return len >= 1 && len <= STUDIO_TABLE_ID_MAX && is_alnum(text[0]) && all_of(text, len, ".-");
}

bool name_is_device(const char *text, size_t len)
{
    return len >= 1 && len <= STUDIO_DEVICE_MAX && !text_has_control(text, len) &&
           text_utf8_valid(text, len);
}

bool name_is_custom(const char *text, size_t len)
{
    return len >= 1 && len <= STUDIO_CUSTOM_NAME_MAX && (is_alpha(text[0]) || text[0] == '_') &&
           all_of(text, len, "_.-");
}

bool name_is_value(const char *text, size_t len)
{
    return len >= 1 && len <= STUDIO_VALUE_MAX && all_of(text, len, "_-");
}

bool name_is_token(const char *text, size_t len)
{
    return len >= STUDIO_TOKEN_MIN && len <= STUDIO_TOKEN_MAX && all_of(text, len, "._~-");
}

bool name_is_client(const char *text, size_t len)
{
    return len >= 1 && len <= NAME_CLIENT_MAX && is_alnum(text[0]) && all_of(text, len, "_.@-");
}

void name_make_client(const char *text, char out[NAME_CLIENT_MAX + 1])
{
    size_t n = 0;
    for (; *text != '\0' && n < NAME_CLIENT_MAX; text++) {
        if (n == 0 ? is_alnum(*text) : is_of(*text, "_.@-"))
            out[n++] = *text;
    }
    out[n] = '\0';
    if (n == 0)
        memcpy(out, "studio", sizeof("studio"));
}
