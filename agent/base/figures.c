#include "base/figures.h"

/* The words of the labels. */
static const char *const updates_words[FIGURE_VIAS] = {"websocket", "mqtt", "http"};
static const char *const connections_words[FIGURE_ROLES] = {"device", "viewer", "operator"};
static const char *const logins_words[LOGIN_RESULTS] = {
    [LOGIN_ACCEPTED] = "accepted", [LOGIN_MISSING] = "missing", [LOGIN_CREDENTIALS] = "credentials",
    [LOGIN_TABLE] = "table",       [LOGIN_LIMIT] = "limit",     [LOGIN_ORIGIN] = "origin",
};
static const char *const closed_words[CLOSED_REASONS] = {
    [CLOSED_CLIENT] = "client",   [CLOSED_REFUSED] = "refused", [CLOSED_REVOKED] = "revoked",
    [CLOSED_MESSAGE] = "message", [CLOSED_LIMIT] = "limit",     [CLOSED_SHUTDOWN] = "shutdown",
    [CLOSED_SILENT] = "silent",   [CLOSED_SLOW] = "slow",
};
static const char *const parked_words[PARKED_KINDS] = {
    [PARKED_EVENTS] = "events",   [PARKED_RETAINED] = "retained", [PARKED_ANSWERS] = "answers",
    [PARKED_REPLAYS] = "replays", [PARKED_AGENT] = "agent",
};
/* What a client can be told: the names of the errors of these classes. */
#define WORD_OK(name)     NULL
#define WORD_PEER(name)   name
#define WORD_RETRY(name)  name
#define WORD_CALLER(name) NULL
#define WORD_FATAL(name)  NULL
static const char *const refused_words[STUDIO_ERR_COUNT] = {
#define REFUSED_WORD(name, class, text) [STUDIO_ERR_##name] = WORD_##class(#name),
    STUDIO_ERR_MAP(REFUSED_WORD)
#undef REFUSED_WORD
};

const struct figure_row figure_rows[] = {
#define FIGURES_ROW(name, kind, unit, help)                                                        \
    {#name, unit, help, NULL, NULL, 1, FIGURE_##kind, offsetof(struct figures, name)},
#define FIGURES_SET(name, kind, label, values, help)                                               \
    {#name, "", help, label, name##_words, values, FIGURE_##kind, offsetof(struct figures, name)},
    FIGURES_MAP(FIGURES_ROW, FIGURES_SET)
#undef FIGURES_ROW
#undef FIGURES_SET
};
const size_t figure_count = sizeof(figure_rows) / sizeof(figure_rows[0]);

const struct histogram_row histogram_rows[] = {
#define FIGURES_HISTOGRAM(name, help) {#name "_seconds", help, offsetof(struct figures, name)},
    HISTOGRAMS_MAP(FIGURES_HISTOGRAM)
#undef FIGURES_HISTOGRAM
};
const size_t histogram_count = sizeof(histogram_rows) / sizeof(histogram_rows[0]);

uint64_t figure_value(const struct figures *figures, const struct figure_row *row, size_t i)
{
    const void *at = (const char *)figures + row->offset;
    const atomic_uint_fast64_t *set = at;

    return figure_get(&set[i]);
}

const struct histogram *figure_histogram(const struct figures *figures,
                                         const struct histogram_row *row)
{
    const void *at = (const char *)figures + row->offset;

    return at;
}

enum figure_login figure_login(enum studio_err err)
{
    switch (err) {
    case STUDIO_OK:
        return LOGIN_ACCEPTED;
    case STUDIO_ERR_AUTH_MISSING:
        return LOGIN_MISSING;
    case STUDIO_ERR_AUTH_CREDENTIALS:
        return LOGIN_CREDENTIALS;
    case STUDIO_ERR_AUTH_TABLE:
        return LOGIN_TABLE;
    default:
        return LOGIN_LIMIT;
    }
}

uint64_t figure_sum(const atomic_uint_fast64_t *set, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += figure_get(&set[i]);
    return sum;
}
