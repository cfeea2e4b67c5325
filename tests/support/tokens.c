/* tokens.c - the tokens file, with OpenSSL's SHA-256 so as not to trust the code under test. */
#include "support/tokens.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/deadline.h"
#include "support/tmpdir.h"

char *tokens_line(const char *pattern, const char *role, const char *token, const char *expires)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char hex[2 * SHA256_DIGEST_LENGTH + 1];
    SHA256((const unsigned char *)token, strlen(token), digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return test_printf("%s %s sha256:%s%s%s\n", pattern, role, hex, expires ? " expires=" : "",
                       expires ? expires : "");
}

const char *tokens_write_default(const char *dir)
{
    char *line = tokens_line("*", "device", TOKEN_DEVICE, NULL);
    char *device = test_printf("%.*s tables=1000000\n", (int)strcspn(line, "\n"), line);
    char *viewer = tokens_line("*", "viewer", TOKEN_VIEWER, NULL);
    char *operator_ = tokens_line("*", "operator", TOKEN_OPERATOR, NULL);
    char *text = test_printf("# for tests\n%s%s%s", device, viewer, operator_);
    const char *path = tmpdir_write(dir, "tokens", 0600, text);
    free(text);
    free(operator_);
    free(viewer);
    free(device);
    free(line);
    return path;
}
