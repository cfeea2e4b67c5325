#include "api/metrics.h"

#include <ctype.h>
#include <string.h>

#include "api/request.h"
#include "base/figures.h"
#include "base/times.h"
#include "core/core.h"
#include "core/tables.h"
#include "protocol/document.h"
#include "studio/version.h"

_Static_assert(FIGURE_VIAS == VIA_HTTP + 1 && FIGURE_ROLES == ROLE_OPERATOR + 1,
               "a figure for each way in and each role");

enum {
    WORD_MAX = 32,
    VERSION_MAX = 8,
    BROKERS_MAX = 16,
    BROKER_MAX = 256 /* as the bridge takes */
};

/* --- the table of figures -------------------------------------------------------------------- */

/* The figures of a row, for each value of its label. */
static void add_set(struct exposition *e, const struct figures *figures,
                    const struct figure_row *row)
{
    char word[WORD_MAX];
    const struct label label = {row->label, word};

    for (size_t i = 0; i < row->count; i++) {
        size_t len = 0;

        if (!row->words[i])
            continue;
        for (; row->words[i][len] && len + 1 < sizeof(word); len++)
            word[len] = (char)tolower((unsigned char)row->words[i][len]); /* names of errors */
        word[len] = '\0';
        exposition_sample(e, &label, 1, figure_value(figures, row, i), 0);
    }
}

static void add_figures(struct exposition *e, const struct figures *figures)
{
    const int64_t started = (int64_t)figure_get(&figures->started);

    for (size_t i = 0; i < figure_count; i++) {
        const struct figure_row *row = &figure_rows[i];
        bool counter = row->kind == FIGURE_COUNTER;
        const struct family family = {
            .kind = counter ? FAMILY_COUNTER : FAMILY_GAUGE,
            .name = row->name,
            .unit = row->unit[0] ? row->unit : NULL,
            .help = row->help,
            .created_ms = counter ? started : 0,
        };

        if (row->kind == FIGURE_STATE)
            continue;
        exposition_family(e, &family);
        if (row->label)
            add_set(e, figures, row);
        else
            exposition_sample(e, NULL, 0, figure_value(figures, row, 0), 0);
    }
}

static void add_histograms(struct exposition *e, const struct figures *figures)
{
    for (size_t i = 0; i < histogram_count; i++) {
        const struct histogram_row *row = &histogram_rows[i];
        const struct family family = {
            .kind = FAMILY_HISTOGRAM,
            .name = row->name,
            .unit = "seconds",
            .help = row->help,
            .created_ms = (int64_t)figure_get(&figures->started),
        };

        exposition_family(e, &family);
        exposition_histogram(e, figure_histogram(figures, row));
    }
}

/* --- what is computed ------------------------------------------------------------------------ */

static void add_gauge(struct exposition *e, const char *name, const char *unit, const char *help,
                      uint64_t n, unsigned decimals)
{
    exposition_family(e, &(struct family){FAMILY_GAUGE, name, unit, help, 0});
    exposition_sample(e, NULL, 0, n, decimals);
}

/* Without a broker nothing waits for one. */
static void add_backlog(struct exposition *e, const struct api *api)
{
    const struct figures *figures = api->figures;
    uint64_t acked = figure_get(&figures->acked_seq); /* first: it never is above the other */
    uint64_t since = figure_get(&figures->waiting_since);
    uint64_t seq = figure_get(&figures->seq), age = 0;

    if (!figure_get(&figures->mirror))
        acked = seq;
    if (since > 0 && acked < seq)
        age = (uint64_t)clock_mono(api->clock) - since;
    add_gauge(e, "acked_seq", NULL, "every event up to this number is acknowledged by a broker",
              acked, 0);
    add_gauge(e, "backlog_events", NULL, "events that wait for a broker", seq - acked, 0);
    add_gauge(e, "backlog_age_seconds", "seconds", "age of the oldest of them", age, 3);
}

/* Not there without TLS. */
static void add_tls(struct exposition *e, const struct api *api)
{
    int64_t ends_s = (int64_t)figure_get(&api->figures->tls_ends);

    if (ends_s > 0)
        add_gauge(e, "tls_days_left", NULL, "whole days for which the certificate is valid",
                  time_days_left(ends_s, clock_wall(api->clock) / 1000), 0);
}

struct broker {
    const char *name;
    size_t len;
};

/* At the commas. */
static size_t split_brokers(const char *list, struct broker out[BROKERS_MAX])
{
    size_t count = 0;

    while (*list && count < BROKERS_MAX) {
        struct broker broker = {list, strcspn(list, ",")};

        out[count++] = broker;
        list += broker.len + (list[broker.len] == ',');
    }
    return count;
}

static bool is_same(const struct broker *a, const struct broker *b)
{
    return a->len == b->len && memcmp(a->name, b->name, a->len) == 0;
}

/* One that is in the list twice is one broker. */
static void add_brokers(struct exposition *e, const struct api *api)
{
    static const struct family family = {FAMILY_GAUGE, "broker_connected", NULL,
                                         "1: events go to this broker", 0};
    const uint64_t connected = figure_get(&api->figures->broker);
    struct broker brokers[BROKERS_MAX];
    size_t count = split_brokers(api->metrics.brokers, brokers);
    char text[BROKER_MAX];
    const struct label label = {"broker", text};

    if (count > 0)
        exposition_family(e, &family);
    for (size_t i = 0; i < count; i++) {
        size_t first = 0;

        while (!is_same(&brokers[first], &brokers[i]))
            first++;
        if (first < i || brokers[i].len >= sizeof(text))
            continue;
        memcpy(text, brokers[i].name, brokers[i].len);
        text[brokers[i].len] = '\0';
        exposition_sample(e, &label, 1,
                          connected > 0 && connected <= count &&
                              is_same(&brokers[connected - 1], &brokers[i]),
                          0);
    }
}

static void add_build(struct exposition *e)
{
    static const struct family family = {FAMILY_INFO, "build", NULL, "what this agent is", 0};
    char protocol[VERSION_MAX];
    const struct label labels[] = {{"version", STUDIO_VERSION}, {"protocol", protocol}};
    struct buf text;

    buf_init_fixed(&text, protocol, sizeof(protocol));
    buf_u64(&text, STUDIO_PROTOCOL_VERSION);
    exposition_family(e, &family);
    exposition_sample(e, labels, sizeof(labels) / sizeof(labels[0]), 1, 0);
}

/* --- the states of tables -------------------------------------------------------------------- */

/* One for each value of each built-in field. */
static void add_states(struct exposition *e, const struct studio_snapshot *snapshot)
{
    const struct table_state *state = &snapshot->state;

    for (size_t i = 0; i < studio_field_count; i++) {
        const enum studio_kind kind = studio_fields[i].kind;

        for (size_t v = 0; v < state->lists->count[kind]; v++) {
            const struct label labels[] = {{"table", snapshot->table_id},
                                           {"field", studio_fields[i].name},
                                           {"state", state->lists->names[kind][v]}};

            exposition_sample(e, labels, sizeof(labels) / sizeof(labels[0]), state->values[i] == v,
                              0);
        }
    }
}

/* Of the first ones by name. */
static void add_tables(struct exposition *e, const struct api *api)
{
    static const struct family family = {FAMILY_GAUGE, "table_state", NULL,
                                         "1: the field of this table is in this state", 0};
    const struct tables *tables = core_tables(api->core);
    const struct table *table;
    size_t told = 0;

    exposition_family(e, &family);
    for (size_t i = 0; told < api->metrics.tables && (table = tables_at(tables, i)) != NULL; i++) {
        if (!table_exists(table))
            continue;
        add_states(e, table_snapshot(table));
        told++;
    }
    add_gauge(e, "tables_left_out", NULL, "tables whose states are not told here (metrics.tables)",
              tables_count(tables) - told, 0);
}

/* --- the page -------------------------------------------------------------------------------- */

void metrics_print(const struct api *api, enum exposition_format format, struct buf *out)
{
    struct exposition e;

    exposition_begin(&e, out, format);
    add_build(&e);
    add_figures(&e, api->figures);
    add_backlog(&e, api);
    add_brokers(&e, api);
    add_tls(&e, api);
    add_histograms(&e, api->figures);
    if (api->core)
        add_tables(&e, api);
    exposition_end(&e);
}

void metrics_respond(struct api_request *r)
{
    enum exposition_format format = exposition_choose(exchange_field(r->exchange, EXCHANGE_ACCEPT));
    struct buf out;

    buf_init(&out, SIZE_MAX);
    metrics_print(r->api, format, &out);
    if (buf_ok(&out))
        exchange_send(r->exchange, 200, exposition_type(format), out.data, out.len);
    else
        request_refuse(r, STUDIO_ERR_LIMIT, NULL);
    buf_finish(&out);
}
