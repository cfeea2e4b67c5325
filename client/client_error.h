/* client_error.h - errors as a client meets them: its caller's mistakes, a server's words, the end
 * of a connection. Pure; any thread. */
#ifndef CLIENT_CLIENT_ERROR_H
#define CLIENT_CLIENT_ERROR_H

#include "studio/error.h"

/* Close codes of protocol section 3.1. */
enum {
    CLOSE_NORMAL = 1000, /* the first */
    CLOSE_PROTOCOL = 1002,
    CLOSE_POLICY = 1008,
    CLOSE_NOT_UTF8 = 1007,
    CLOSE_TOO_LARGE = 1009,
    CLOSE_RESTART = 1012,
    CLOSE_TRY_LATER = 1013
};

/* A mistake of the caller, in the caller's terms only. Returns USAGE. `error` may be NULL. */
enum studio_err client_error_usage(struct studio_error *error, const char *fmt, ...)
    STUDIO_PRINTF(2, 3);

/* Any code with exactly this text; the code's own text is not put before it. */
enum studio_err client_error_exact(struct studio_error *error, enum studio_err code,
                                   const char *text);

/* Turns {"error":"text"} into an error with that text. */
enum studio_err client_error_from_server(struct studio_error *error, const char *text);

/* Turns the end of a connection into an error. `code` 0: it ended without a close frame; below 1000: the server
 * answered with this status of HTTP. In both cases `reason` is for people. */
enum studio_err client_error_from_close(struct studio_error *error, unsigned code,
                                        const char *reason);

#endif
