#include "api/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/request.h"
#include "base/names.h"
#include "base/secret.h"
#include "config/file.h"
#include "config/settings.h"

enum { FILE_MAX = 4096 };

/* --- the token ------------------------------------------------------------------------------- */

/* The first line. */
enum studio_err guard_read(const char *file, unsigned char token[DIGEST_LEN],
                           struct studio_error *error)
{
    struct studio_error detail;
    char *text;
    size_t len;
    enum studio_err err = secret_check("metrics.token_file", file, error);

    if (err != STUDIO_OK)
        return err;
    err = file_read(file, FILE_MAX, &text, &len, NULL, &detail);
    if (err != STUDIO_OK)
        return studio_error_set(error, err, ": metrics.token_file: %s", detail.text);
    size_t line = strcspn(text, "\r\n");
    if (!name_is_token(text, line))
        err = studio_error_set(error, STUDIO_ERR_USAGE,
                               ": metrics.token_file %s: its first line is no token, of 4 to 128 "
                               "of A-Z a-z 0-9 . _ ~ -",
                               file);
    else if (!digest_make(text, line, token))
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    explicit_bzero(text, len);
    free(text);
    return err;
}

enum studio_err guard_init(struct api_metrics *metrics, const struct studio_agent_config *config,
                           struct studio_error *error)
{
    const char *token = config->metrics_token, *file = config->metrics_token_file;

    metrics->tables = (size_t)config->metrics_tables;
    snprintf(metrics->brokers, sizeof(metrics->brokers), "%s",
             config->broker ? config->broker : "");
    metrics->has_token = token || file;
    if (file && !(metrics->token_file = strdup(file)))
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    if (file)
        return guard_read(file, metrics->token, error);
    if (token && !digest_make(token, strlen(token), metrics->token))
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    return STUDIO_OK;
}

void guard_finish(struct api_metrics *metrics)
{
    free(metrics->token_file);
    metrics->token_file = NULL;
}

/* --- who asks -------------------------------------------------------------------------------- */

static bool is_token(const struct api_metrics *metrics, const char *header)
{
    static const char scheme[] = "bearer ";
    unsigned char digest[DIGEST_LEN];
    const char *token;

    if (strncasecmp(header, scheme, sizeof(scheme) - 1) != 0)
        return false;
    token = header + sizeof(scheme) - 1;
    token += strspn(token, " ");
    /* Of hashes: how long it takes tells nothing of the token. */
    return digest_make(token, strcspn(token, " "), digest) &&
           memcmp(digest, metrics->token, DIGEST_LEN) == 0;
}

static void refuse(struct api_request *r, enum studio_err err)
{
    if (err != STUDIO_ERR_NOT_PERMITTED)
        exchange_header(r->exchange, "www-authenticate", "Bearer");
    request_refuse(r, err, NULL);
}

bool guard_lets_in(struct api_request *r)
{
    const struct api_metrics *metrics = &r->api->metrics;
    const char *header = exchange_field(r->exchange, EXCHANGE_AUTHORIZATION);

    if (exchange_here(r->exchange))
        return true;
    if (metrics->has_token && header && is_token(metrics, header)) {
        exchange_known(r->exchange); /* no flood of strangers takes its place */
        return true;
    }
    refuse(r, !metrics->has_token ? STUDIO_ERR_NOT_PERMITTED
              : header && *header ? STUDIO_ERR_AUTH_CREDENTIALS
                                  : STUDIO_ERR_AUTH_MISSING);
    return false;
}
