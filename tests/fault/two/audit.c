#include "fault/two/audit.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/deadline.h"

#define AGENT "'edge-1'"

enum { SHOWN_MAX = 10 };

void audit_begin(struct database *d)
{
    static const char *const steps[] = {
        "CREATE TABLE two_writes (seq bigint PRIMARY KEY, boot bigint NOT NULL, writes bigint NOT"
        " NULL, owner text NOT NULL, client inet)",
        "CREATE FUNCTION two_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO two_writes SELECT n.seq, a.boot, a.writes, a.owner, inet_client_addr()"
        " FROM news n JOIN studio_agents a USING (agent); RETURN NULL; END $$",
        "CREATE TRIGGER two_note AFTER INSERT ON studio_log REFERENCING NEW TABLE AS news"
        " FOR EACH STATEMENT EXECUTE FUNCTION two_note()"};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        free(database_ask(d, steps[i]));
}

/* --- what the rows say of themselves ---------------------------------------------------------- */

#define NEWEST "(SELECT max(seq) FROM two_writes)"

/* Each counts what must not be, from the event %s on; and something it must find. */
static const struct {
    const char *what, *sql, *forgery;
} checks[] = {
    {"numbers are missing",
     "SELECT count(*) FROM (SELECT seq - lag(seq) OVER (ORDER BY seq) AS step FROM two_writes"
     " WHERE seq >= %s) w WHERE step <> 1",
     "DELETE FROM two_writes WHERE seq = " NEWEST " - 1"},
    {"events have no note, or notes no event",
     "SELECT count(*) FROM (SELECT seq, 1 AS noted FROM two_writes WHERE seq >= %s) w FULL JOIN"
     " (SELECT seq, 1 AS kept FROM studio_log WHERE agent = " AGENT " AND seq >= %s) l USING (seq)"
     " WHERE noted IS NULL OR kept IS NULL",
     "DELETE FROM studio_log WHERE agent = " AGENT " AND seq = " NEWEST},
    {"the last number is not that of the last event",
     "SELECT count(*) FROM studio_agents a WHERE agent = " AGENT " AND last_seq <>"
     " (SELECT coalesce(max(seq), 0) FROM two_writes)",
     "UPDATE studio_agents SET last_seq = last_seq + 1 WHERE agent = " AGENT},
    {"events of a former boot come after those of a later one",
     "SELECT count(*) FROM (SELECT boot - lag(boot) OVER (ORDER BY seq) AS step FROM two_writes"
     " WHERE seq >= %s) w WHERE step < 0",
     "UPDATE two_writes SET boot = boot + 1 WHERE seq = " NEWEST " - 1"},
    {"events came from a host that did not own the agent",
     "SELECT count(*) FROM two_writes w JOIN studio_boots b ON b.agent = " AGENT
     " AND b.boot = w.boot WHERE w.seq >= %s AND (w.owner <> b.owner OR host(w.client) <>"
     " CASE left(b.owner, 1) WHEN 'a' THEN '10.77.0.1' ELSE '10.77.0.2' END)",
     "UPDATE two_writes SET client = '10.77.0.9' WHERE seq = " NEWEST},
    {"events were written by a former owner, after the next one had taken over",
     "SELECT count(*) FROM two_writes w JOIN studio_boots b ON b.agent = " AGENT
     " AND b.boot = w.boot + 1 WHERE w.seq >= %s AND w.writes > b.after_writes",
     "UPDATE studio_boots SET after_writes = 0 WHERE agent = " AGENT},
    {"events are of a boot that nobody was given",
     "SELECT count(*) FROM two_writes w WHERE w.seq >= %s AND NOT EXISTS"
     " (SELECT FROM studio_boots b WHERE b.agent = " AGENT " AND b.boot = w.boot)",
     "UPDATE two_writes SET boot = boot + 1000000 WHERE seq = " NEWEST},
};

static void add(char **complaints, char *line)
{
    char *longer = test_printf("%s%s\n", *complaints ? *complaints : "", line);
    free(*complaints);
    free(line);
    *complaints = longer;
}

static uint64_t number(struct database *d, const char *sql)
{
    char *text = database_ask(d, sql);
    uint64_t value = strtoull(text, NULL, 10);
    free(text);
    return value;
}

/* The check for events from there on. free() */
static char *query(const char *text, uint64_t from)
{
    char *sql = test_printf("%s", "");
    for (const char *at = text; *at;) {
        const char *mark = strstr(at, "%s");
        int len = mark ? (int)(mark - at) : (int)strlen(at);
        char *longer =
            mark ? test_printf("%s%.*s%" PRIu64, sql, len, at, from) : test_printf("%s%s", sql, at);
        free(sql);
        sql = longer;
        at += len + (mark ? 2 : 0);
    }
    return sql;
}

static void check_rows(struct database *d, uint64_t from, char **complaints)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        char *sql = query(checks[i].sql, from);
        uint64_t found = number(d, sql);
        if (found != 0)
            add(complaints, test_printf("database: %s: %" PRIu64, checks[i].what, found));
        free(sql);
    }
}

char *audit_forge(struct database *d)
{
    char *complaints = NULL;
    uint64_t boots = number(d, "SELECT count(DISTINCT boot) FROM two_writes");
    for (size_t i = 0; boots > 1 && i < sizeof checks / sizeof *checks; i++) {
        char *sql = query(checks[i].sql, 0);
        char *script = test_printf("BEGIN; %s; %s; ROLLBACK", checks[i].forgery, sql);
        if (number(d, script) == 0)
            add(&complaints, test_printf("database: a forgery was not found: %s", checks[i].what));
        free(script);
        free(sql);
    }
    return complaints;
}

/* --- what clients were told ------------------------------------------------------------------- */

/* How often each value of a writer is there. */
struct found {
    unsigned char *times;
    size_t cap;
};

static void count_one(struct found *f, uint64_t value)
{
    if (value >= f->cap) {
        size_t cap = (size_t)(value + 1) * 2;
        f->times = realloc(f->times, cap);
        if (!f->times)
            test_fail("out of memory in the test");
        memset(f->times + f->cap, 0, cap - f->cap);
        f->cap = cap;
    }
    if (f->times[value] < UCHAR_MAX)
        f->times[value]++;
}

/* Updates have it as a change of w<writer>, exceptions as their data. */
static void read_values(struct database *d, uint64_t from, struct found *found, unsigned writers)
{
    char *sql = test_printf(
        "SELECT coalesce(string_agg(v, ' '), '') FROM (SELECT substr(c.key, 2) || ':' ||"
        " (c.value->>1) AS v FROM studio_events e, jsonb_each(e.event->'changes') c"
        " WHERE e.agent = " AGENT " AND e.kind = 'change' AND e.seq > %" PRIu64
        " AND c.key ~ '^w[0-9]+$' UNION ALL SELECT e.event->>'data' FROM studio_events e"
        " WHERE e.agent = " AGENT " AND e.kind = 'exception' AND e.seq > %" PRIu64 ") v",
        from, from);
    char *text = database_ask(d, sql);
    for (char *at = text; *at;) {
        unsigned long writer = strtoul(at, &at, 10);
        if (*at != ':')
            test_fail("the database has no value at: %.40s", at);
        unsigned long long value = strtoull(at + 1, &at, 10);
        if (writer < writers)
            count_one(&found[writer], value);
        at += strspn(at, " ");
    }
    free(text);
    free(sql);
}

static void check_notes(const struct found *found, const struct write_note *notes, size_t count,
                        struct audit_figures *f, char **complaints)
{
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        const struct write_note *n = &notes[i];
        const struct found *of = &found[n->writer];
        unsigned times = n->value < of->cap ? of->times[n->value] : 0;
        bool lost = n->outcome == WRITE_ACKED && times == 0;
        bool conjured = n->outcome == WRITE_REFUSED && times > 0;
        f->lost += lost;
        f->conjured += conjured;
        if ((lost || conjured || times > 1) && shown++ < SHOWN_MAX)
            add(complaints, test_printf("database: value %" PRIu64
                                        " of writer %u was %s and is stored %u times",
                                        n->value, n->writer,
                                        n->outcome == WRITE_ACKED     ? "acknowledged"
                                        : n->outcome == WRITE_REFUSED ? "refused"
                                                                      : "cut off",
                                        times));
    }
}

char *audit_check(struct database *d, uint64_t *from, const struct write_note *notes, size_t count,
                  unsigned writers, struct audit_figures *f)
{
    char *complaints = NULL;
    struct found *found = test_alloc(writers * sizeof *found);
    check_rows(d, *from, &complaints);
    read_values(d, *from, found, writers);
    check_notes(found, notes, count, f, &complaints);
    f->events = number(d, "SELECT count(*) FROM two_writes");
    f->boots = number(d, "SELECT count(*) FROM studio_boots WHERE agent = " AGENT);
    if (!complaints)
        *from = number(d, "SELECT coalesce(max(seq), 0) FROM two_writes");
    for (unsigned i = 0; i < writers; i++)
        free(found[i].times);
    free(found);
    return complaints;
}
