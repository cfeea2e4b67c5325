/* http.h - one HTTP request on a connection of its own. */
#ifndef TESTS_SUPPORT_HTTP_H
#define TESTS_SUPPORT_HTTP_H

#include <stdint.h>

struct http_answer {
    int status;    /* 0: the connection was cut without an answer */
    char *headers; /* with the status line; "" if none */
    char *body;
};

/* Sends "<method> <target> HTTP/1.1" with Host, Connection: close, the header lines (each ending in
 * \r\n, may be NULL) and, if `body` is not NULL, Content-Length and the body; reads to the end. */
struct http_answer http_request(uint16_t port, const char *method, const char *target,
                                const char *headers, const char *body);
void http_answer_finish(struct http_answer *answer);

/* A GET without more. */
struct http_answer http_get(uint16_t port, const char *target);

#endif
