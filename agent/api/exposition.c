#include "api/exposition.h"

#include <string.h>
#include <strings.h>

#include "base/histogram.h"

static const char prefix[] = "studio_";

/* --- which format ---------------------------------------------------------------------------- */

static size_t skip_blanks(const char *text, size_t len)
{
    size_t n = 0;

    while (n < len && (text[n] == ' ' || text[n] == '\t'))
        n++;
    return n;
}

/* text[0..len) without the blanks around. */
static const char *trim(const char *text, size_t *len)
{
    size_t n = skip_blanks(text, *len);

    *len -= n;
    text += n;
    while (*len > 0 && (text[*len - 1] == ' ' || text[*len - 1] == '\t'))
        --*len;
    return text;
}

static bool is(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

/* The value of `name=` if that is what the parameter is, else NULL; without quotes. */
static const char *value_of(const char *parameter, size_t *len, const char *name)
{
    size_t n = strlen(name);

    if (*len <= n || strncasecmp(parameter, name, n) != 0 || parameter[n] != '=')
        return NULL;
    parameter += n + 1;
    *len -= n + 1;
    if (*len >= 2 && parameter[0] == '"' && parameter[*len - 1] == '"') {
        parameter++;
        *len -= 2;
    }
    return parameter;
}

/* `1`, `0.25`: in thousandths; what is no such number counts as 0. */
static int read_quality(const char *text, size_t len)
{
    int quality = 0;

    if (len > 0 && text[0] == '1')
        return 1000;
    for (size_t i = 2, unit = 100; i < len && unit > 0; i++, unit /= 10)
        if (text[i] >= '0' && text[i] <= '9')
            quality += (int)unit * (text[i] - '0');
    return quality;
}

/* One part of the header between commas: how much it wants which format, in thousandths. */
struct wish {
    bool open, text;
    int quality;
};

static void read_parameter(const char *parameter, size_t len, struct wish *wish)
{
    size_t version = len, quality = len;
    const char *value = value_of(parameter, &version, "version");

    if (value && !is(value, version, "1.0.0"))
        wish->open = false;
    if (value && !is(value, version, "0.0.4"))
        wish->text = false;
    value = value_of(parameter, &quality, "q");
    if (value)
        wish->quality = read_quality(value, quality);
}

static struct wish read_wish(const char *part, size_t len)
{
    size_t name_len = 0, at;
    const char *name;
    struct wish wish = {.quality = 1000};

    while (name_len < len && part[name_len] != ';')
        name_len++;
    at = name_len;
    name = trim(part, &name_len);
    wish.open = is(name, name_len, "application/openmetrics-text");
    wish.text = is(name, name_len, "text/plain") || is(name, name_len, "text/*") ||
                is(name, name_len, "*/*");
    while (at < len) {
        size_t next = at + 1;

        while (next < len && part[next] != ';')
            next++;
        size_t parameter_len = next - at - 1;
        const char *parameter = trim(part + at + 1, &parameter_len);
        read_parameter(parameter, parameter_len, &wish);
        at = next;
    }
    return wish;
}

enum exposition_format exposition_choose(const char *accept)
{
    int open = 0, text = 0;

    while (accept && *accept) {
        size_t len = strcspn(accept, ",");
        struct wish wish = read_wish(accept, len);

        if (wish.open && wish.quality > open)
            open = wish.quality;
        if (wish.text && wish.quality > text)
            text = wish.quality;
        accept += len + (accept[len] == ',');
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
