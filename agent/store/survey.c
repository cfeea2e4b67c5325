#include "store/survey.h"

#include <stdio.h>
#include <string.h>

/* Beyond this machine, and readable on the way. */
static bool open_on_the_way(const struct store_survey *s)
{
    return !s->encrypted && s->host[0] != '/' && s->host[0] != '@' && s->host[0] != '\0' &&
           strcmp(s->host, "localhost") != 0 && strncmp(s->host, "127.", 4) != 0 &&
           strcmp(s->host, "::1") != 0;
}

void survey_doubts(const struct store_survey *s, bool two, survey_doubt_fn *tell, void *ctx)
{
    char text[512];
    if (open_on_the_way(s)) {
        (void)snprintf(text, sizeof text,
                       "the connection to %s is not encrypted: what is reported can be read and "
                       "changed on the way",
                       s->host);
        tell(ctx, text, "sslmode=verify-full and sslrootcert=FILE in store.url");
    }
    if (!s->syncs)
        tell(ctx, "fsync is off there: what was answered is lost with the power of its machine",
             "fsync = on in its postgresql.conf");
    if (two && !*s->standbys) {
        tell(ctx,
             "no synchronous standby is configured (synchronous_standby_names is empty): what was "
             "answered can be lost with the database's machine",
             "ALTER SYSTEM SET synchronous_standby_names = '*' there, once its standby follows "
             "(OPERATING.md)");
    } else if (*s->standbys && s->waited_for == 0) {
        (void)snprintf(text, sizeof text,
                       "synchronous_standby_names is %s, but no such standby is connected: every "
                       "update waits for one",
                       s->standbys);
        tell(ctx, text, "start the standby, and see in its log why it does not follow");
    }
}
