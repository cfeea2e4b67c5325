/* known.c - a table of fixed size; a login has a few places in it, by its mark. */
#include "auth/known.h"

#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"

enum { SETS = 4096, WAYS = 4, KEY_LEN = 32 };

struct entry {
    unsigned char mark[DIGEST_LEN]; /* of key, user id and token; all zeros: free */
    unsigned char ticket[DIGEST_LEN];
};

struct set {
    struct entry entries[WAYS];
    unsigned char next; /* to be replaced */
};

struct known {
    unsigned char key[KEY_LEN];
    struct set sets[SETS]; /* pages nobody has touched take no memory */
};

struct known *known_create(void)
{
    struct known *k = secret_alloc(sizeof(*k));

    if (k && getentropy(k->key, sizeof(k->key)) != 0) {
        secret_free(k);
        return NULL;
    }
    return k;
}

void known_destroy(struct known *k)
{
    secret_free(k);
}

static bool make_mark(const struct known *k, const struct credentials *credentials,
                      unsigned char mark[DIGEST_LEN])
{
    struct {
        unsigned char key[KEY_LEN];
        char user_id[sizeof(credentials->user_id)];
        char token[sizeof(credentials->token)];
    } all;
    bool made;

    memset(&all, 0, sizeof(all));
    memcpy(all.key, k->key, sizeof(all.key));
    (void)stpcpy(all.user_id, credentials->user_id);
    (void)stpcpy(all.token, credentials->token);
    made = digest_make(&all, sizeof(all), mark);
    OPENSSL_cleanse(&all, sizeof(all));
    return made;
}

static size_t set_of(const unsigned char mark[DIGEST_LEN])
{
    return (mark[0] | (size_t)mark[1] << 8) % SETS;
}

void known_add(struct known *k, const struct credentials *credentials,
               const unsigned char ticket[DIGEST_LEN])
{
    unsigned char mark[DIGEST_LEN];
    struct set *set;
    struct entry *entry = NULL;

    if (!make_mark(k, credentials, mark))
        return;
    set = &k->sets[set_of(mark)];
    for (size_t i = 0; i < WAYS && !entry; i++)
        if (CRYPTO_memcmp(set->entries[i].mark, mark, sizeof(mark)) == 0)
            entry = &set->entries[i];
    if (!entry) {
        entry = &set->entries[set->next];
        set->next = (unsigned char)((set->next + 1) % WAYS);
    }
    memcpy(entry->mark, mark, sizeof(mark));
    memcpy(entry->ticket, ticket, DIGEST_LEN);
}

bool known_find(const struct known *k, const struct credentials *credentials,
                unsigned char ticket[DIGEST_LEN])
{
    unsigned char mark[DIGEST_LEN];
    const struct set *set;

    if (!make_mark(k, credentials, mark))
        return false;
    set = &k->sets[set_of(mark)];
    for (size_t i = 0; i < WAYS; i++) {
        if (CRYPTO_memcmp(set->entries[i].mark, mark, sizeof(mark)) == 0) {
            memcpy(ticket, set->entries[i].ticket, DIGEST_LEN);
            return true;
        }
    }
    return false;
}
