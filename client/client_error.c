#include "client_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { HTTP_UNAUTHORIZED = 401 };

enum studio_err client_error_usage(struct studio_error *error, const char *fmt, ...)
{
    if (error != NULL) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(error->text, sizeof(error->text), fmt, args);
        va_end(args);
        error->text[text_utf8_cut(error->text, strlen(error->text))] = '\0';
        error->code = STUDIO_ERR_USAGE;
    }
    return STUDIO_ERR_USAGE;
}

enum studio_err client_error_exact(struct studio_error *error, enum studio_err code,
                                   const char *text)
{
    if (error != NULL) {
        snprintf(error->text, sizeof(error->text), "%s", text);
        error->text[text_utf8_cut(error->text, strlen(error->text))] = '\0';
        error->code = code;
    }
    return code;
}

/* Texts that end in a blank are beginnings, the others are whole. */
static bool text_names(const char *text, const char *known)
{
    size_t len = strlen(known);

    if (len > 0 && known[len - 1] == ' ')
        return strncmp(text, known, len) == 0;
    return strcmp(text, known) == 0;
}

/* The code of an error text of protocol section 3.3; NOT_PERMITTED for words not known, so that a
 * newer server's refusal is still a refusal. */
static enum studio_err code_of(const char *text)
{
    for (int code = STUDIO_OK + 1; code < STUDIO_ERR_COUNT; code++) {
        enum studio_err_class class = studio_err_class((enum studio_err)code);
        if ((class == STUDIO_CLASS_PEER || class == STUDIO_CLASS_RETRY) &&
            text_names(text, studio_err_text((enum studio_err)code)))
            return (enum studio_err)code;
    }
    return STUDIO_ERR_NOT_PERMITTED;
}

enum studio_err client_error_from_server(struct studio_error *error, const char *text)
{
    return client_error_exact(error, code_of(text), text);
}

enum studio_err client_error_from_close(struct studio_error *error, unsigned code,
                                        const char *reason)
{
    enum studio_err err;

    if (code < CLOSE_NORMAL) /* 401 is how a proxy refuses a login */
        return code == HTTP_UNAUTHORIZED
                   ? client_error_exact(error, STUDIO_ERR_AUTH_CREDENTIALS, reason)
                   : studio_error_set(error, STUDIO_ERR_NOT_CONNECTED, ": %s",
                                      reason[0] != '\0' ? reason : "the connection was lost");
    switch (code) {
    case CLOSE_POLICY:
        err = code_of(reason);
        if (err != STUDIO_ERR_AUTH_MISSING && err != STUDIO_ERR_AUTH_TABLE &&
            err != STUDIO_ERR_AUTH_REVOKED)
            err = STUDIO_ERR_AUTH_CREDENTIALS;
        return client_error_exact(error, err, reason[0] != '\0' ? reason : studio_err_text(err));
    case CLOSE_TRY_LATER:
        return studio_error_set(error, STUDIO_ERR_LIMIT,
                                ": the server has as many connections or tables as it allows");
    case CLOSE_TOO_LARGE:
        return studio_error_set(error, STUDIO_ERR_TOO_LARGE, NULL);
    default:
        return studio_error_set(error, STUDIO_ERR_NOT_CONNECTED,
                                ": the server closed the connection (%u%s%s)", code,
                                reason[0] != '\0' ? " " : "", reason);
    }
}
