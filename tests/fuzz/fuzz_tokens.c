/* fuzz_tokens.c - any bytes as a tokens file: refused with a reason, or usable. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/tokens.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tokens *tokens = NULL;
    struct studio_error error = {.code = STUDIO_OK};
    unsigned char digest[32];
    struct grant grant;
    char *text = malloc(size ? size : 1); /* exact, so that a read behind the end is seen */
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    enum studio_err err = tokens_parse(text, size, "tokens", &tokens, &error);
    free(text);
    if (err != STUDIO_OK) {
        if (tokens || error.code != err || !error.text[0])
            abort();
        if (!text_utf8_valid(error.text, strlen(error.text)))
            abort();
        return 0;
    }
    tokens_digest("MY_TOKEN", digest);
    /* Both ways of asking agree on whether a user may stay. */
    if (tokens_check(tokens, "ARO-001_dealerPC", "MY_TOKEN", 1, &grant) !=
        tokens_still_valid(tokens, "ARO-001_dealerPC", digest, 1, &grant))
        abort();
    tokens_destroy(tokens);
    return 0;
}
