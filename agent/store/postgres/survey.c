/* survey.c - asks a database what it does for an answer (survey.h). */
#include "store/survey.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/postgres/bulk.h"
#include "store/postgres/private.h"

/* A role without pg_monitor sees that standbys are there, not what they are. */
#define SURVEY                                                                                     \
    "SELECT current_setting('server_version'), current_setting('synchronous_commit'),"             \
    " current_setting('synchronous_standby_names'), (current_setting('fsync') = 'on')::int::int8," \
    " (SELECT count(*) FROM pg_stat_replication),"                                                 \
    " (SELECT CASE WHEN count(*) > count(sync_state) THEN -1 ELSE count(*) FILTER"                 \
    " (WHERE sync_state IN ('sync', 'quorum')) END FROM pg_stat_replication)"                      \
    " FROM (SELECT $1::text) agent"

/* Commas in what the address says, which is read as libpq does. */
static unsigned count_hosts(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    unsigned hosts = 1;
    for (const PQconninfoOption *o = options; o && o->keyword; o++) {
        const bool names = strcmp(o->keyword, "host") == 0 || strcmp(o->keyword, "hostaddr") == 0;
        unsigned here = 1;
        for (const char *c = names && o->val ? o->val : ""; *c; c++)
            here += *c == ',';
        hosts = here > hosts ? here : hosts;
    }
    PQconninfoFree(options);
    return hosts;
}

static void copy_column(const PGresult *rows, int column, char *out, size_t size)
{
    size_t len;
    const char *text = row_text(rows, 0, column, &len);
    (void)snprintf(out, size, "%s", text ? text : "");
}

static enum link_result ask(struct link *link, struct store_survey *out)
{
    const struct args args = args_begin("");
    PGresult *rows;
    enum link_result result = bulk_ask(link, SURVEY, &args, &rows);
    if (result == LINK_OK && PQntuples(rows) == 1) {
        const char *host = PQhost(link->conn);
        copy_column(rows, 0, out->server, sizeof out->server);
        copy_column(rows, 1, out->commit, sizeof out->commit);
        copy_column(rows, 2, out->standbys, sizeof out->standbys);
        out->syncs = row_i64(rows, 0, 3) != 0;
        out->following = row_i64(rows, 0, 4);
        out->waited_for = row_i64(rows, 0, 5);
        out->encrypted = PQsslInUse(link->conn) != 0;
        (void)snprintf(out->host, sizeof out->host, "%s", host ? host : "");
    }
    PQclear(rows);
    return result;
}

enum studio_err postgres_survey(const char *url, struct store_survey *out,
                                struct studio_error *error)
{
    const int64_t began = clock_mono(clock_system());
    struct link link;
    *out = (struct store_survey){.hosts = count_hosts(url)};
    link_init(&link, url, NULL, 0);
    enum link_result result = link_open(&link, true);
    if (result == LINK_OK)
        result = ask(&link, out);
    out->took_ms = clock_mono(clock_system()) - began;
    enum studio_err err = tool_fail(&link, result, error);
    link_close(&link);
    return err;
}
