#include "auth/slow_hash.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"

static const char method[] = "$y$";

enum { SALT_BYTES = 16 };

/* $y$<cost>$<salt>$<hash> */
bool slow_hash_valid(const char *text, size_t len)
{
    static const char alphabet[] =
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz$";
    char copy[SLOW_HASH_MAX + 1];
    size_t parts = 0;

    if (len > SLOW_HASH_MAX || len < sizeof(method) ||
        memcmp(text, method, sizeof(method) - 1) != 0)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    for (const char *at = copy; (at = strchr(at, '$')) != NULL; at++) {
        parts++;
        if (at[1] == '$' || at[1] == '\0') /* an empty one */
            return false;
    }
    return parts == 4 && strspn(copy, alphabet) == len && crypt_checksalt(copy) == CRYPT_SALT_OK;
}

/* What libcrypt makes of the token with this setting. */
static bool compute(const char *token, const char *setting, char out[SLOW_HASH_MAX + 1])
{
    struct crypt_data *data = secret_alloc(sizeof(*data));
    const char *made = data ? crypt_rn(token, setting, data, sizeof(*data)) : NULL;
    bool fits = made && strlen(made) <= SLOW_HASH_MAX;

    if (fits)
        memcpy(out, made, strlen(made) + 1);
    secret_free(data);
    return fits;
}

bool slow_hash_make(const char *token, char out[SLOW_HASH_MAX + 1])
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE], random[SALT_BYTES];
    bool made = getentropy(random, sizeof(random)) == 0 &&
                crypt_gensalt_rn(method, 0, random, sizeof(random), setting, sizeof(setting)) &&
                compute(token, setting, out);

    explicit_bzero(random, sizeof(random));
    return made;
}

bool slow_hash_fits(const char *hash, const char *token)
{
    char made[SLOW_HASH_MAX + 1];
    size_t len = strlen(hash);
    bool fits =
        compute(token, hash, made) && strlen(made) == len && CRYPTO_memcmp(made, hash, len) == 0;

    explicit_bzero(made, sizeof(made));
    return fits;
}
