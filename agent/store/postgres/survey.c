/* survey.c - asks a database what it does for an answer (survey.h). */
#include "store/survey.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/postgres/private.h"

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

enum link_result survey_ask(struct link *link, int statement, struct store_survey *out)
{
    const int64_t began = clock_mono(clock_system());
    const struct args none = {.count = 0};
    PGresult *rows;
    *out = (struct store_survey){.hosts = count_hosts(link->url)};
    enum link_result result = link_query(link, statement, &none, &rows);
    if (result == LINK_OK && PQntuples(rows) == 1) {
        const char *host = PQhost(link->conn);
        (void)row_copy(rows, 0, out->server, sizeof out->server);
        (void)row_copy(rows, 1, out->commit, sizeof out->commit);
        (void)row_copy(rows, 2, out->standbys, sizeof out->standbys);
        out->syncs = row_i64(rows, 0, 3) != 0;
        out->following = row_i64(rows, 0, 4);
        out->waited_for = row_i64(rows, 0, 5);
        out->encrypted = PQsslInUse(link->conn) != 0;
        (void)snprintf(out->host, sizeof out->host, "%s", host ? host : "");
    }
    PQclear(rows);
    out->took_ms = clock_mono(clock_system()) - began;
    return result;
}

enum studio_err postgres_survey(const char *url, struct store_survey *out,
                                struct studio_error *error)
{
    struct link link;
    link_init(&link, url, &postgres_texts[PG_SURVEY], 1);
    enum link_result result = link_open(&link, true);
    if (result == LINK_OK)
        result = survey_ask(&link, 0, out);
    enum studio_err err = tool_fail(&link, result, error);
    link_close(&link);
    return err;
}

const struct store_survey *postgres_surveyed(const struct store *base)
{
    const struct postgres_store *store = as_const_postgres(base);
    return store->surveyed ? &store->survey : NULL;
}
