/* doctor_database.c - the database that the store is in: is it there, and how much is an answer worth? */
#include "cmd/diagnosis.h"
#include "database.h"

static void tell_doubt(void *ctx, const char *what, const char *advice)
{
    diagnosis_tell(ctx, FINDING_WARNING, "database", advice, "%s", what);
}

static void tell_standbys(struct diagnosis *d, const struct store_survey *s)
{
    if (!*s->standbys || s->waited_for == 0)
        return; /* a doubt, if two machines are asked for */
    if (s->waited_for < 0)
        diagnosis_tell(d, FINDING_OK, "database", NULL,
                       "it waits for a standby (synchronous_standby_names is %s); which are "
                       "connected, this role may not see",
                       s->standbys);
    else
        diagnosis_tell(d, FINDING_OK, "database", NULL,
                       "an update is answered when a standby has it, too: %lld connected, %lld of "
                       "them synchronous",
                       (long long)s->following, (long long)s->waited_for);
}

void doctor_database(struct diagnosis *d)
{
    struct store_survey survey;
    struct studio_error error;

    if (!d->config->store_url)
        return;
    if (database_look(d->config, &survey, tell_doubt, d, &error) != STUDIO_OK) {
        diagnosis_tell(d, FINDING_FAULT, "database", "correct store.url, or start the database",
                       "%s", error.text);
        return;
    }
    diagnosis_tell(d, FINDING_OK, "database", NULL,
                   "PostgreSQL %s at %s, %s, answered after %lld ms; synchronous_commit is %s",
                   survey.server, *survey.host ? survey.host : "this machine",
                   survey.encrypted ? "encrypted" : "not encrypted", (long long)survey.took_ms,
                   survey.commit);
    tell_standbys(d, &survey);
}
