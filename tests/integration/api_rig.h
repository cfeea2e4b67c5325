/* api_rig.h - an agent that is asked over HTTP by users of all roles. One source of a program includes it. */
#ifndef TESTS_INTEGRATION_API_RIG_H
#define TESTS_INTEGRATION_API_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "integration/http_rig.h"
#include "support/json.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define DEVICE   "ARO-001_pc:" TOKEN_DEVICE
#define VIEWER   "board:" TOKEN_VIEWER
#define OPERATOR "ops:" TOKEN_OPERATOR

/* One request of this user (NULL: nobody); `headers` as of http_request. http_answer_finish() it. */
static inline struct http_answer api_ask(const char *user, const char *method, const char *target,
                                         const char *headers, const char *body)
{
    char *all = test_printf("%s%s%s%s", user ? "Authorization: Bearer " : "", user ? user : "",
                            user ? "\r\n" : "", headers ? headers : "");
    struct http_answer answer = http_request(port, method, target, all, body);

    free(all);
    return answer;
}

/* The value of a header of the answer, NULL if it has none; free(). */
static inline char *api_header(const struct http_answer *answer, const char *name)
{
    char *line = test_printf("\r\n%s:", name);
    const char *found = strcasestr(answer->headers, line);
    size_t skip = strlen(line);

    free(line);
    if (!found)
        return NULL;
    found += skip + strspn(found + skip, " ");
    return test_printf("%.*s", (int)strcspn(found, "\r"), found);
}

static inline void api_expect_header(const struct http_answer *answer, const char *name,
                                     const char *value)
{
    char *found = api_header(answer, name);

    if (!found || strcmp(found, value) != 0)
        test_fail("%s is %s, not %s, in %s", name, found ? found : "missing", value,
                  answer->headers);
    free(found);
}

static inline void api_check(const struct http_answer *answer, const char *what, int status,
                             const char *body)
{
    if (answer->status != status || (body && strcmp(answer->body, body) != 0))
        test_fail("%s was answered %d %s, not %d %s", what, answer->status, answer->body, status,
                  body ? body : "");
    if (status >= 400)
        api_expect_header(answer, "content-type", "application/problem+json");
}

/* The answer is this, NULL: any body. */
static inline void api_expect(const char *user, const char *method, const char *target,
                              const char *body, int status, const char *expected)
{
    struct http_answer answer = api_ask(user, method, target, NULL, body);

    api_check(&answer, target, status, expected);
    http_answer_finish(&answer);
}

/* A device of this table connects and goes: it is there from now on. */
static inline void api_make_table(const char *id)
{
    wsclient_close(wsclient_login(port, id, TOKEN_DEVICE));
}

#endif
