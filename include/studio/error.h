/*
 * error.h - the one list of errors: enum, name, wire text, class.
 *
 * A function that can fail returns enum studio_err (STUDIO_OK is 0) and is marked STUDIO_MUST_USE.
 * Where a person or a client reads the error, the text travels in a struct studio_error.
 */
#ifndef STUDIO_ERROR_H
#define STUDIO_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define STUDIO_MUST_USE           __attribute__((warn_unused_result))
#define STUDIO_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* What a caller does about it: */
enum studio_err_class {
    STUDIO_CLASS_OK,
    STUDIO_CLASS_PEER,   /* the other side sent something wrong: answer it, go on */
    STUDIO_CLASS_RETRY,  /* passing: the same call may work later */
    STUDIO_CLASS_CALLER, /* a usage or configuration mistake: say it, stop */
    STUDIO_CLASS_FATAL   /* this process cannot be trusted any more: stop */
};

/* X(name, class, text). The texts of class PEER and STORAGE are the contract (protocol section 3.3);
 * one that ends in a colon and a blank is followed by what it is about. */
#define STUDIO_ERR_MAP(X)                                                                          \
    X(OK, OK, "ok")                                                                                \
    X(INVALID_JSON, PEER, "Invalid JSON format")                                                   \
    X(NOT_OBJECT, PEER, "Update must be a JSON object")                                            \
    X(INVALID_VALUE, PEER, "Invalid value for ")                                                   \
    X(DUPLICATE_FIELD, PEER, "Duplicate field: ")                                                  \
    X(INVALID_FIELD_NAME, PEER, "Invalid field name: ")                                            \
    X(VALUE_TOO_LARGE, PEER, "Value too large: ")                                                  \
    X(TOO_MANY_FIELDS, PEER, "Too many custom fields")                                             \
    X(UNKNOWN_EVENT, PEER, "Unknown event: ")                                                      \
    X(INVALID_DATA, PEER, "Invalid data for ")                                                     \
    X(NOT_PERMITTED, PEER, "Not permitted")                                                        \
    X(UNKNOWN_TABLE, PEER, "Unknown table: ")                                                      \
    X(RATE_LIMIT, PEER, "Rate limit exceeded")                                                     \
    X(TOO_LARGE, PEER, "Message too large")                                                        \
    X(ALREADY_AUTHENTICATED, PEER, "Already authenticated")                                        \
    X(RETAINED_COMMAND, PEER, "Retained commands are refused")                                     \
    X(REQUEST_ID_USED, PEER, "request_id already used")                                            \
    X(DEVICES_CONNECTED, PEER, "Devices of this table are connected")                              \
    X(STORAGE, RETRY, "Storage unavailable")                                                       \
    X(AUTH_MISSING, PEER, "Missing authentication parameters")                                     \
    X(AUTH_CREDENTIALS, PEER, "Invalid credentials")                                               \
    X(AUTH_TABLE, PEER, "Invalid table id")                                                        \
    X(AUTH_REVOKED, PEER, "Credentials revoked")                                                   \
    X(LIMIT, RETRY, "Try again later")                                                             \
    X(NO_MEMORY, RETRY, "Out of memory")                                                           \
    X(NOT_CONNECTED, RETRY, "Not connected")                                                       \
    X(TIMEOUT, RETRY, "Timed out")                                                                 \
    X(USAGE, CALLER, "Usage or configuration")                                                     \
    X(ADDRESS, CALLER, "Address in use or not allowed")                                            \
    X(STORE_UNUSABLE, CALLER, "Store unusable")                                                    \
    X(IO, FATAL, "Input/output error")

enum studio_err {
#define STUDIO_ERR_ENUM(name, class, text) STUDIO_ERR_##name,
    STUDIO_ERR_MAP(STUDIO_ERR_ENUM)
#undef STUDIO_ERR_ENUM
        STUDIO_ERR_COUNT,
    STUDIO_OK = STUDIO_ERR_OK
};

enum { STUDIO_ERROR_TEXT_MAX = 512 };

/* An error with its full text, ready for a person or the wire. Plain memory, caller owned. */
struct studio_error {
    enum studio_err code;
    char text[STUDIO_ERROR_TEXT_MAX];
};

/* The fixed text of a code; never NULL. Any thread. */
const char *studio_err_text(enum studio_err code);

/* What kind of trouble a code is. Any thread. */
enum studio_err_class studio_err_class(enum studio_err code);

/* Fills `error` (may be NULL) with the code's text followed by the formatted detail, cut at a UTF-8
 * boundary if too long; `detail` may be NULL. Returns `code`, so that a caller can
 * `return studio_error_set(...)`. Any thread. */
enum studio_err studio_error_set(struct studio_error *error, enum studio_err code,
                                 const char *detail, ...) STUDIO_PRINTF(3, 4);

/* Exit codes of the programs (protocol section 7). */
enum studio_exit {
    STUDIO_EXIT_OK = 0,
    STUDIO_EXIT_FAILED = 1,
    STUDIO_EXIT_USAGE = 2,
    STUDIO_EXIT_ADDRESS = 3,
    STUDIO_EXIT_STORE = 4
};

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
