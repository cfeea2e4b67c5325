#include "cmd/issuer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/authority.h"
#include "auth/file_edit.h"
#include "cmd/mark.h"
#include "config/config.h"
#include "config/file.h"

enum { PATH_LEN = 1024, PEM_MAX = 16384 };

/* A certificate and a key in PEM; the key is not left behind. */
struct pem {
    char space[2][PEM_MAX];
    struct buf cert, key;
};

static void pem_begin(struct pem *pem)
{
    buf_init_fixed(&pem->cert, pem->space[0], sizeof(pem->space[0]));
    buf_init_fixed(&pem->key, pem->space[1], sizeof(pem->space[1]));
}

/* The certificate is new once its key is: in between they do not fit, by which a setup sees that it was interrupted. */
static enum studio_err pem_put(const struct pem *pem, const char *cert, const char *key,
                               mode_t mode, gid_t group, struct studio_error *error)
{
    enum studio_err err = file_edit_put(key, pem->key.data, pem->key.len, mode, group, error);

    if (err == STUDIO_OK)
        err = file_edit_put(cert, pem->cert.data, pem->cert.len, 0644, group, error);
    return err;
}

static void pem_end(struct pem *pem)
{
    explicit_bzero(pem, sizeof(*pem));
}

static enum studio_err read_authority(struct issuer *issuer, const char *cert, const char *key,
                                      struct studio_error *error)
{
    char *texts[2] = {NULL, NULL};
    size_t len[2] = {0, 0};
    struct studio_error why;
    enum studio_err err = file_read(cert, PEM_MAX, &texts[0], &len[0], NULL, error);

    if (err == STUDIO_OK)
        err = file_read(key, PEM_MAX, &texts[1], &len[1], NULL, error);
    if (err == STUDIO_OK) {
        err = authority_read(texts[0], texts[1], &issuer->authority, &why);
        if (err != STUDIO_OK)
            config_fail(error, err, "%s and %s: %s", cert, key, why.text);
    }
    if (texts[1])
        explicit_bzero(texts[1], len[1]);
    free(texts[0]);
    free(texts[1]);
    return err;
}

static enum studio_err create_authority(struct issuer *issuer, struct studio_error *error)
{
    char name[OWN_NAME_MAX + 32];

    (void)snprintf(name, sizeof(name), "Studio authority of %.30s", issuer->names->list[0]);
    return authority_create(name, &issuer->authority, error);
}

static enum studio_err put_authority(const struct issuer *issuer, const char *cert, const char *key,
                                     struct studio_error *error)
{
    struct pem pem;
    enum studio_err err;

    pem_begin(&pem);
    buf_str(&pem.key, MARK "\n");
    err = authority_print(issuer->authority, &pem.cert, &pem.key, error);
    if (err == STUDIO_OK)
        err = pem_put(&pem, cert, key, 0600, FILE_EDIT_GROUP, error);
    pem_end(&pem);
    if (err == STUDIO_OK)
        printf("made %s: clients are to trust it; %s is for root alone\n", cert, key);
    return err;
}

/* A key without a certificate is left over from a time that was interrupted. */
static enum studio_err open_authority(struct issuer *issuer, const char *cert, const char *key,
                                      struct studio_error *error)
{
    if (issuer->authority)
        return STUDIO_OK;
    if (access(cert, F_OK) != 0)
        return create_authority(issuer, error);
    if (access(key, F_OK) == 0)
        return read_authority(issuer, cert, key, error);
    return config_fail(error, STUDIO_ERR_USAGE,
                       "there is %s without %s, which is to sign: put the key back, or move the "
                       "certificate away for a new authority",
                       cert, key);
}

static void tell(const struct issuer *issuer, const char *cert)
{
    const struct own_names *names = issuer->names;

    printf("made %s: valid %d days, for", cert, AUTHORITY_SERVER_DAYS);
    for (size_t i = 0; i < names->count; i++)
        printf("%s %s", i ? "," : "", names->list[i]);
    putchar('\n');
}

static enum studio_err name_authority(const struct issuer *issuer, char cert[PATH_LEN],
                                      char key[PATH_LEN], struct studio_error *error)
{
    if (snprintf(cert, PATH_LEN, "%s/ca.pem", issuer->dir) >= PATH_LEN ||
        snprintf(key, PATH_LEN, "%s/ca.key", issuer->dir) >= PATH_LEN)
        return config_fail(error, STUDIO_ERR_USAGE, "the path %s is too long", issuer->dir);
    return STUDIO_OK;
}

enum studio_err issuer_check(const struct issuer *issuer, const char *cert, const char *key,
                             const char *else_do, struct studio_error *error)
{
    char ca_cert[PATH_LEN], ca_key[PATH_LEN];
    enum studio_err err = name_authority(issuer, ca_cert, ca_key, error);

    if (err == STUDIO_OK && access(ca_cert, F_OK) != 0)
        err = mark_check(ca_key, "put its ca.pem beside it, or move it away", error);
    if (err == STUDIO_OK)
        err = mark_check(cert, else_do, error);
    if (err == STUDIO_OK)
        err = mark_check(key, else_do, error);
    return err;
}

/* A new authority is kept once it has signed: names that are none leave nothing behind. */
enum studio_err issuer_issue(struct issuer *issuer, const char *cert, const char *key, gid_t group,
                             struct studio_error *error)
{
    char ca_cert[PATH_LEN], ca_key[PATH_LEN];
    const char *names[OWN_NAMES_MAX];
    const size_t count = issuer->names->count;
    struct pem pem;
    enum studio_err err;

    err = name_authority(issuer, ca_cert, ca_key, error);
    if (err != STUDIO_OK)
        return err;
    for (size_t i = 0; i < count; i++)
        names[i] = issuer->names->list[i];
    pem_begin(&pem);
    buf_str(&pem.cert, MARK "\n");
    buf_str(&pem.key, MARK "\n");
    err = open_authority(issuer, ca_cert, ca_key, error);
    if (err == STUDIO_OK)
        err = authority_issue(issuer->authority, names, count, &pem.cert, &pem.key, error);
    if (err == STUDIO_OK && access(ca_cert, F_OK) != 0)
        err = put_authority(issuer, ca_cert, ca_key, error);
    if (err == STUDIO_OK)
        err = pem_put(&pem, cert, key, 0640, group, error);
    pem_end(&pem);
    if (err == STUDIO_OK)
        tell(issuer, cert);
    return err;
}

void issuer_finish(struct issuer *issuer)
{
    authority_free(issuer->authority);
}
