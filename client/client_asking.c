#include "client_asking.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client_error.h"
#include "client_json.h"
#include "url.h"

static bool known_to_pass(const char *title)
{
    struct studio_error error;

    return studio_err_class(client_error_from_server(&error, title)) == STUDIO_CLASS_RETRY;
}

enum studio_err client_asking_refused(struct studio_error *error, const char *server,
                                      unsigned status, const struct buf *body)
{
    char *title = body->len > 0 ? json_member(body->data, "title") : NULL;
    enum studio_err err;

    if (title == NULL && status == 401)
        err = client_error_exact(error, STUDIO_ERR_AUTH_CREDENTIALS,
                                 studio_err_text(STUDIO_ERR_AUTH_CREDENTIALS));
    else if (title == NULL)
        err = studio_error_set(error, STUDIO_ERR_NOT_CONNECTED, " to %s: it answered HTTP %u",
                               server, status);
    else if (status == 404 && strcmp(title, "Not found") == 0)
        err = client_error_exact(error, STUDIO_ERR_UNKNOWN_EVENT,
                                 "this agent has no HTTP API: it is of an earlier version");
    else if (status >= 500 && !known_to_pass(title)) /* a standby, a proxy */
        err = studio_error_set(error, STUDIO_ERR_NOT_CONNECTED, " to %s: %s (HTTP %u)", server,
                               title, status);
    else
        err = client_error_from_server(error, title);
    free(title);
    return err;
}

enum studio_err client_asking_lost(struct studio_error *error, const char *server, const char *why)
{
    return studio_error_set(error, STUDIO_ERR_NOT_CONNECTED, " to %s: %s", server, why);
}

void client_asking_add(struct buf *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_str(path, path->len > 0 && strchr(path->data, '?') != NULL ? "&" : "?");
    buf_str(path, name);
    buf_str(path, "=");
    url_encode(path, value);
}
