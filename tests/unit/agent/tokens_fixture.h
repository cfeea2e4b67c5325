/* tokens_fixture.h - the users the agent's unit tests know. */
#ifndef TESTS_UNIT_AGENT_TOKENS_FIXTURE_H
#define TESTS_UNIT_AGENT_TOKENS_FIXTURE_H

#include "auth/tokens.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tokens.h"

#include <stdlib.h>
#include <string.h>

/* One of each role for any id, and the lines of `extra` (may be NULL). */
static inline struct tokens *fixture_tokens(const char *extra)
{
    char *device = tokens_line("*", "device", TOKEN_DEVICE, NULL);
    char *viewer = tokens_line("*", "viewer", TOKEN_VIEWER, NULL);
    char *operator_ = tokens_line("*", "operator", TOKEN_OPERATOR, NULL);
    char *text = test_printf("%s%s%s%s", device, viewer, operator_, extra ? extra : "");
    struct tokens *tokens = NULL;
    struct studio_error error;

    assert_int_equal(tokens_parse(text, strlen(text), "tokens", &tokens, &error), STUDIO_OK);
    free(text);
    free(device);
    free(viewer);
    free(operator_);
    return tokens;
}

#endif
