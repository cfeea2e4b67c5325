/* doctor_tls.c - certificates: how long they are good, whether they are what the agent can use, and for the names
 * that clients come by. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/certificate.h"
#include "base/times.h"
#include "cmd/diagnosis.h"
#include "cmd/own_names.h"
#include "config/listen.h"
#include "config/settings.h"

enum { SOON_DAYS = 14 };

enum { PATH_LEN = 1024 };

/* Of authorities one that is good is enough, of a chain ours, or the broker's, has to be. */
enum kind { CHAIN, AUTHORITIES, BROKER };

/* False: there is none in the file. *chain_ends_s is of those behind ours, INT64_MAX without any. */
static bool read_ends(const char *file, enum kind kind, int64_t *ends_s, int64_t *chain_ends_s)
{
    FILE *in = fopen(file, "re");
    X509 *x509;
    size_t count = 0;

    *chain_ends_s = INT64_MAX;
    while (in && (x509 = PEM_read_X509(in, NULL, NULL, NULL)) != NULL) {
        const int64_t end = certificate_end_of(x509);

        if (count++ == 0 || (kind == AUTHORITIES && end > *ends_s))
            *ends_s = end;
        else if (kind != AUTHORITIES && end < *chain_ends_s)
            *chain_ends_s = end;
        X509_free(x509);
    }
    ERR_clear_error();
    if (in)
        (void)fclose(in);
    else
        count = 0;
    return count > 0;
}

/* Of those behind ours, if one ends before it. */
static void tell_chain(struct diagnosis *d, const char *option, const char *file, unsigned days)
{
    diagnosis_tell(d, FINDING_WARNING, "certificate",
                   "renew both, or take it out of the file if it is not needed: who needs it does "
                   "not accept ours then",
                   "%s %s: one behind ours has %u day%s left", option, file, days,
                   days == 1 ? "" : "s");
}

static void tell_days(struct diagnosis *d, const char *option, const char *file, enum kind kind,
                      int64_t ends_s, int64_t chain_ends_s)
{
    const int64_t now_s = time(NULL);
    const unsigned days = time_days_left(ends_s, now_s);

    if (ends_s <= now_s)
        diagnosis_tell(d, FINDING_FAULT, "certificate", "renew it: nobody accepts it any more",
                       "%s %s has expired", option, file);
    else
        diagnosis_tell(d, days < SOON_DAYS ? FINDING_WARNING : FINDING_OK, "certificate",
                       kind == BROKER
                           ? "remove it, run setup again and restart the broker (OPERATING.md)"
                           : "renew it; what replaces the files is used without a restart",
                       "%s %s: %u day%s left", option, file, days, days == 1 ? "" : "s");
    if (chain_ends_s < ends_s && time_days_left(chain_ends_s, now_s) < SOON_DAYS)
        tell_chain(d, option, file, time_days_left(chain_ends_s, now_s));
}

static void look_at_file(struct diagnosis *d, const char *option, const char *file, enum kind kind)
{
    int64_t ends_s = 0, chain_ends_s;

    if (!file || !diagnosis_readable(d, "certificate", option, file))
        return;
    if (!read_ends(file, kind, &ends_s, &chain_ends_s))
        diagnosis_tell(d, FINDING_FAULT, "certificate", "give one in PEM",
                       "%s %s has no certificate", option, file);
    else
        tell_days(d, option, file, kind, ends_s, chain_ends_s);
}

/* --- for whom the one for clients is ------------------------------------------------------------ */

static bool is_for(X509 *x509, const char *host)
{
    return X509_check_ip_asc(x509, host, 0) == 1 || X509_check_host(x509, host, 0, 0, NULL) == 1;
}

/* `given`: it is for the name that clients are given. */
static void look_at_name(struct diagnosis *d, bool given, const char *host)
{
    if (given)
        diagnosis_tell(d, FINDING_OK, "certificate", NULL, "it is for %s", host);
    else
        diagnosis_tell(d, FINDING_WARNING, "certificate",
                       "clients that come by this name refuse it: have it in the certificate, or "
                       "give them one "
                       "that is (openssl x509 -noout -ext subjectAltName -in FILE)",
                       "it is not for %s", host);
}

/* An address that stands for all of this machine's: clients elsewhere may be given any of its names. */
static void look_at_own_names(struct diagnosis *d, X509 *x509)
{
    struct own_names *own = calloc(1, sizeof(*own));
    const char *found = NULL;

    if (!own)
        return;
    own_names_find(own, NULL, 0);
    for (size_t i = 0; i < own->count && !found; i++) {
        if (!own_names_local(own->list[i]) && is_for(x509, own->list[i]))
            found = own->list[i];
    }
    look_at_name(d, found, found ? found : own->list[0]);
    free(own);
}

static void look_at_names(struct diagnosis *d, X509 *x509)
{
    struct listen_list list;
    bool own = false;

    if (listen_parse(d->config->listen, true, &list) != NULL)
        return;
    for (size_t i = 0; i < list.count; i++) {
        const char *host = list.at[i].where;

        if (list.at[i].kind != LISTEN_TLS)
            continue;
        if (strcmp(host, "0.0.0.0") != 0 && strcmp(host, "::") != 0)
            look_at_name(d, is_for(x509, host), host);
        else if (!own) {
            look_at_own_names(d, x509);
            own = true;
        }
    }
}

static void look_at_ours(struct diagnosis *d)
{
    const struct studio_agent_config *config = d->config;
    const struct certificate_files files = {config->tls_cert, config->tls_key,
                                            config->tls_client_ca};
    struct certificate *certificate;
    struct studio_error error;
    FILE *in;
    X509 *x509;

    if (certificate_read(&files, &certificate, &error) != STUDIO_OK) {
        diagnosis_tell(d, FINDING_FAULT, "certificate",
                       "put it right; an agent that runs goes on with the one before", "%s",
                       error.text);
        return;
    }
    tell_days(d, "websocket.tls_cert", config->tls_cert, CHAIN, certificate_ends(certificate),
              certificate_chain_ends(certificate));
    certificate_free(certificate);
    in = fopen(config->tls_cert, "re");
    x509 = in ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;
    if (x509)
        look_at_names(d, x509);
    X509_free(x509);
    if (in)
        (void)fclose(in);
}

void doctor_certificates(struct diagnosis *d)
{
    const struct studio_agent_config *config = d->config;

    if (config->tls_cert)
        look_at_ours(d);
    look_at_file(d, "websocket.tls_client_ca", config->tls_client_ca, AUTHORITIES);
    if (!config->broker)
        return;
    look_at_file(d, "mqtt.cert", config->cert, CHAIN);
    (void)diagnosis_readable(d, "certificate", "mqtt.key", config->key);
    look_at_file(d, "mqtt.ca_file", config->ca_file, AUTHORITIES);
}

void doctor_broker_certificate(struct diagnosis *d)
{
    char file[PATH_LEN];

    if (d->config->user_files &&
        snprintf(file, sizeof(file), "%s/tls.pem", d->config->user_files) < PATH_LEN &&
        access(file, R_OK) == 0)
        look_at_file(d, "mqtt.user_files", file, BROKER);
}
