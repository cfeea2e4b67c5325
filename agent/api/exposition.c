#include "api/exposition.h"

#include <string.h>

#include "api/fields.h"
#include "base/histogram.h"

static const char prefix[] = "studio_";

/* --- which format ---------------------------------------------------------------------------- */

/* Of this version, or of any. */
static bool wants_version(const struct field_part *part, const char *version)
{
    size_t len;
    const char *value = fields_parameter(part, "version", &len);

    return !value || (len == strlen(version) && memcmp(value, version, len) == 0);
}

static bool wants_open(const struct field_part *part)
{
    return fields_is(part, "application/openmetrics-text") && wants_version(part, "1.0.0");
}

static bool wants_text(const struct field_part *part)
{
    return (fields_is(part, "text/plain") || fields_is(part, "text/*") || fields_is(part, "*/*")) &&
           wants_version(part, "0.0.4");
}

enum exposition_format exposition_choose(const char *accept)
{
    int open = 0, text = 0;
    struct field_part part;

    while (accept && fields_next(&accept, &part)) {
        int quality = fields_quality(&part);

        if (wants_open(&part) && quality > open)
            open = quality;
        if (wants_text(&part) && quality > text)
            text = quality;
    }
    return open > 0 && open >= text ? EXPOSITION_OPEN : EXPOSITION_TEXT;
}

const char *exposition_type(enum exposition_format format)
{
    return format == EXPOSITION_OPEN ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                     : "text/plain; version=0.0.4; charset=utf-8";
}

/* --- families -------------------------------------------------------------------------------- */

/* In OpenMetrics the endings belong to the samples, in the older format to the name. */
static const struct {
    const char *open, *text; /* the type */
    const char *ending;
} kinds[] = {
    [FAMILY_GAUGE] = {"gauge", "gauge", ""},
    [FAMILY_COUNTER] = {"counter", "counter", "_total"},
    [FAMILY_HISTOGRAM] = {"histogram", "histogram", ""},
    [FAMILY_INFO] = {"info", "gauge", "_info"},
};

void exposition_begin(struct exposition *e, struct buf *out, enum exposition_format format)
{
    *e = (struct exposition){.out = out, .format = format};
}

static void add_name(struct exposition *e, const char *ending)
{
    buf_str(e->out, prefix);
    buf_str(e->out, e->family.name);
    buf_str(e->out, ending);
}

/* `# WORD name TEXT` */
static void add_comment(struct exposition *e, const char *word, const char *text)
{
    buf_str(e->out, "# ");
    buf_str(e->out, word);
    buf_str(e->out, " ");
    add_name(e, e->format == EXPOSITION_OPEN ? "" : kinds[e->family.kind].ending);
    buf_str(e->out, " ");
    buf_str(e->out, text);
    buf_str(e->out, "\n");
}

void exposition_family(struct exposition *e, const struct family *family)
{
    bool open = e->format == EXPOSITION_OPEN;

    e->family = *family;
    add_comment(e, "HELP", family->help);
    add_comment(e, "TYPE", open ? kinds[family->kind].open : kinds[family->kind].text);
    if (open && family->unit)
        add_comment(e, "UNIT", family->unit);
}

/* --- samples --------------------------------------------------------------------------------- */

static void add_value(struct buf *out, const char *value)
{
    static const char special[] = "\\\"\n";

    for (;;) {
        size_t len = strcspn(value, special);

        buf_add(out, value, len);
        value += len;
        if (!*value)
            return;
        buf_str(out, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\");
        value++;
    }
}

static void add_labels(struct buf *out, const struct label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_str(out, i == 0 ? "{" : ",");
        buf_str(out, labels[i].name);
        buf_str(out, "=\"");
        add_value(out, labels[i].value);
        buf_str(out, "\"");
    }
    if (count > 0)
        buf_str(out, "}");
}

/* n / 10^decimals */
static void add_number(struct buf *out, uint64_t n, unsigned decimals)
{
    uint64_t unit = 1;

    for (unsigned i = 0; i < decimals; i++)
        unit *= 10;
    buf_u64(out, n / unit);
    if (decimals > 0)
        buf_str(out, ".");
    for (n %= unit; unit > 1; n %= unit) {
        unit /= 10;
        buf_u64(out, n / unit);
    }
}

static void add_sample(struct exposition *e, const char *ending, const struct label *labels,
                       size_t count, uint64_t n, unsigned decimals)
{
    add_name(e, ending);
    add_labels(e->out, labels, count);
    buf_str(e->out, " ");
    add_number(e->out, n, decimals);
    buf_str(e->out, "\n");
}

/* Since when it has been counting; only OpenMetrics has a word for it. */
static void add_created(struct exposition *e, const struct label *labels, size_t count)
{
    if (e->format == EXPOSITION_OPEN && e->family.created_ms > 0)
        add_sample(e, "_created", labels, count, (uint64_t)e->family.created_ms, 3);
}

void exposition_sample(struct exposition *e, const struct label *labels, size_t count, uint64_t n,
                       unsigned decimals)
{
    add_sample(e, kinds[e->family.kind].ending, labels, count, n, decimals);
    add_created(e, labels, count);
}

void exposition_histogram(struct exposition *e, const struct histogram *histogram)
{
    enum { BOUND_MAX = 32 };
    struct histogram_view view;
    char text[BOUND_MAX];
    struct label label = {"le", text};

    histogram_read(histogram, &view);
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        struct buf bound;

        buf_init_fixed(&bound, text, sizeof(text));
        add_number(&bound, histogram_bounds_us[i], 6);
        while (bound.len > 2 && text[bound.len - 1] == '0' && text[bound.len - 2] != '.')
            text[--bound.len] = '\0'; /* as a number is written: 0.25, 1.0 */
        add_sample(e, "_bucket", &label, 1, view.up_to[i], 0);
    }
    label.value = "+Inf";
    add_sample(e, "_bucket", &label, 1, view.count, 0);
    add_sample(e, "_count", NULL, 0, view.count, 0);
    add_sample(e, "_sum", NULL, 0, view.sum_us, 6);
    add_created(e, NULL, 0);
}

void exposition_end(struct exposition *e)
{
    if (e->format == EXPOSITION_OPEN)
        buf_str(e->out, "# EOF\n");
}
