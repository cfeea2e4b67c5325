#include "studio/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct error_row {
    const char *text;
    enum studio_err_class class;
};

static const struct error_row rows[STUDIO_ERR_COUNT] = {
#define ERROR_ROW(name, class, text) [STUDIO_ERR_##name] = {text, STUDIO_CLASS_##class},
    STUDIO_ERR_MAP(ERROR_ROW)
#undef ERROR_ROW
};

static bool is_known(enum studio_err code)
{
    return (unsigned)code < STUDIO_ERR_COUNT;
}

const char *studio_err_text(enum studio_err code)
{
    return is_known(code) ? rows[code].text : "Unknown error";
}

enum studio_err_class studio_err_class(enum studio_err code)
{
    return is_known(code) ? rows[code].class : STUDIO_CLASS_FATAL;
}

enum studio_err studio_error_set(struct studio_error *error, enum studio_err code,
                                 const char *detail, ...)
{
    if (error == NULL)
        return code;

    const char *text = studio_err_text(code);
    size_t len = strlen(text);
    error->code = code;
    memcpy(error->text, text, len + 1);
    if (detail == NULL)
        return code;

    size_t room = sizeof(error->text) - len;
    va_list args;
    va_start(args, detail);
    int n = vsnprintf(error->text + len, room, detail, args);
    va_end(args);
    if (n < 0)
        error->text[len] = '\0';
    else if ((size_t)n >= room)
        error->text[text_utf8_cut(error->text, sizeof(error->text) - 1)] = '\0';
    return code;
}
