#include "api/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/request.h"
#include "base/log.h"
#include "base/names.h"
#include "base/secret.h"
#include "config/file.h"
#include "config/settings.h"
#include "net/logins.h"
#include "protocol/userid.h"

enum { FILE_MAX = 4096, SHORT_TOKEN = 16 /* characters; fewer are warned of */ };

/* --- the token ------------------------------------------------------------------------------- */

static enum studio_err take(const char *text, size_t len, unsigned char token[DIGEST_LEN],
                            struct studio_error *error)
{
    if (len < SHORT_TOKEN)
        log_warn("metrics", "metrics.token has fewer than %d characters, and can be guessed",
                 SHORT_TOKEN);
    return digest_make(text, len, token) ? STUDIO_OK
                                         : studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
}

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
    else
        err = take(text, line, token, error);
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
    return token ? take(token, strlen(token), metrics->token, error) : STUDIO_OK;
}

void guard_finish(struct api_metrics *metrics)
{
    free(metrics->token_file);
    metrics->token_file = NULL;
}

/* --- who asks -------------------------------------------------------------------------------- */

static bool is_token(const struct api_metrics *metrics, const char *header)
{
    const char *token = credentials_scheme(header);
    unsigned char digest[DIGEST_LEN];

    /* Of hashes: how long it takes tells nothing of the token. */
    return token && digest_make(token, strcspn(token, " "), digest) &&
           memcmp(digest, metrics->token, DIGEST_LEN) == 0;
}

static void refuse(struct api_request *r, enum studio_err err)
{
    if (err != STUDIO_ERR_NOT_PERMITTED)
        exchange_header(r->exchange, "www-authenticate", "Bearer");
    request_refuse(r, err, NULL);
}

/* Who guesses waits, and is told of, as at any other login. */
static void refuse_wrong(struct api_request *r)
{
    static const char what[] = "/metrics"; /* no name of a table */
    const char *peer = exchange_peer(r->exchange);
    char site[PEER_TEXT_MAX + 1];
    int64_t told_ms;

    peer_name(peer, site);
    told_ms = admission_wrong(r->api->admission, site, what);
    logins_refused(r->api->logins, what, peer, STUDIO_ERR_AUTH_CREDENTIALS, NULL);
    if (told_ms > 0)
        exchange_delay(r->exchange, told_ms - clock_mono(r->api->clock));
    refuse(r, STUDIO_ERR_AUTH_CREDENTIALS);
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
    if (!metrics->has_token)
        refuse(r, STUDIO_ERR_NOT_PERMITTED);
    else if (!header || !*header)
        refuse(r, STUDIO_ERR_AUTH_MISSING);
    else
        refuse_wrong(r);
    return false;
}
