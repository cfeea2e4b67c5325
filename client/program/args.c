#include "args.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/client_error.h"

enum option_kind { OPTION_TEXT, OPTION_FLAG, OPTION_NUMBER, OPTION_SECONDS, OPTION_INTERACTIVE };

/* The one table of options: parsing, --help, manual and completion come from it. */
static const struct option_row {
    const char *name;
    enum option_kind kind;
    size_t offset;
    const char *value;
    const char *what;
} rows[] = {
    {"url", OPTION_TEXT, offsetof(struct args, url), "URL[,URL...]",
     "server, ws:// or wss:// (default ws://localhost:8080); several with commas are tried in "
     "turn: "
     "an agent and its standby"},
    {"table", OPTION_TEXT, offsetof(struct args, table), "ID", "table (default ARO-001)"},
    {"device", OPTION_TEXT, offsetof(struct args, device), "NAME",
     "who reports (default dealerPC); '' to be the table itself"},
    {"id", OPTION_TEXT, offsetof(struct args, id), "ID",
     "log in as this user id, as it stands in the tokens file; --table then only says which "
     "table is meant"},
    {"token", OPTION_TEXT, offsetof(struct args, token), "TOKEN",
     "token; better STUDIO_TOKEN: others see this one in ps until it is read"},
    {"token-file", OPTION_TEXT, offsetof(struct args, token_file), "FILE",
     "read the token from the first line of a file"},
    {"ca", OPTION_TEXT, offsetof(struct args, ca_file), "FILE",
     "wss://: trust these certificates only (default those the system trusts)"},
    {"cert", OPTION_TEXT, offsetof(struct args, cert_file), "FILE",
     "wss://: show this certificate to an agent that wants one"},
    {"key", OPTION_TEXT, offsetof(struct args, key_file), "FILE",
     "its private key (default in the same file)"},
    {"timeout", OPTION_SECONDS, offsetof(struct args, timeout_ms), "SECONDS",
     "for connecting and for each answer (default 10)"},
    {"service-values", OPTION_TEXT, offsetof(struct args, service_values), "A,B",
     "values the agent's configuration adds for services"},
    {"device-values", OPTION_TEXT, offsetof(struct args, device_values), "A,B",
     "values the agent's configuration adds for devices"},
    {"all", OPTION_FLAG, offsetof(struct args, all), NULL, "watch: every table"},
    {"json", OPTION_FLAG, offsetof(struct args, json), NULL,
     "watch: lines of JSON on a terminal too"},
    {"custom", OPTION_FLAG, offsetof(struct args, custom), NULL,
     "set: custom fields may be called almost like built-in ones"},
    {"yes", OPTION_FLAG, offsetof(struct args, yes), NULL, "demo: do not ask first"},
    {"since", OPTION_TEXT, offsetof(struct args, since), "TIME",
     "history: from this time on, as in 2026-01-02T06:00:00Z"},
    {"until", OPTION_TEXT, offsetof(struct args, until), "TIME", "history: up to this time"},
    {"from-rev", OPTION_NUMBER, offsetof(struct args, from_rev), "N",
     "history: from this revision on"},
    {"to-rev", OPTION_NUMBER, offsetof(struct args, to_rev), "N", "history: up to this revision"},
    {"newest-first", OPTION_FLAG, offsetof(struct args, newest_first), NULL,
     "history: in the opposite order"},
    {"limit", OPTION_NUMBER, offsetof(struct args, limit), "N", "history: at most so many events"},
    {"kinds", OPTION_TEXT, offsetof(struct args, kinds), "A,B",
     "history, events: changes, exceptions or both (history: changes)"},
    {"tables", OPTION_TEXT, offsetof(struct args, tables), "A,B",
     "events: of these tables (default all that the token may watch)"},
    {"from-seq", OPTION_NUMBER, offsetof(struct args, from_seq), "N",
     "events: from this one on, without the documents"},
    {"state", OPTION_TEXT, offsetof(struct args, state), "FILE",
     "events: go on behind what FILE says was told, and keep it"},
    {"interactive", OPTION_INTERACTIVE, 0, NULL, "the same as the command interactive"},
    {"help", OPTION_FLAG, offsetof(struct args, help), NULL, "this text"},
    {"version", OPTION_FLAG, offsetof(struct args, version), NULL, "the version"},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static enum studio_err set_seconds(unsigned *out, const char *text, struct studio_error *error)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end != '\0' || !(seconds >= 0.001 && seconds <= 3600))
        return client_error_usage(error, "--timeout is seconds up to 3600, not '%.40s'", text);
    *out = (unsigned)(seconds * 1000);
    return STUDIO_OK;
}

static enum studio_err set_number(uint64_t *out, const char *name, const char *text,
                                  struct studio_error *error)
{
    size_t len = strlen(text);

    if (len == 0 || len > 18 || strspn(text, "0123456789") != len)
        return client_error_usage(error, "--%s is a number, not '%.40s'", name, text);
    *out = strtoull(text, NULL, 10);
    return STUDIO_OK;
}

static enum studio_err apply(struct args *out, const struct option_row *row, const char *value,
                             struct studio_error *error)
{
    char *base = (char *)out;

    switch (row->kind) {
    case OPTION_TEXT:
        *(const char **)(void *)(base + row->offset) = value;
        break;
    case OPTION_FLAG:
        *(bool *)(base + row->offset) = true;
        break;
    case OPTION_NUMBER:
        return set_number((uint64_t *)(void *)(base + row->offset), row->name, value, error);
    case OPTION_SECONDS:
        return set_seconds((unsigned *)(void *)(base + row->offset), value, error);
    case OPTION_INTERACTIVE:
        out->command = "interactive";
        break;
    }
    return STUDIO_OK;
}

static enum studio_err unknown_option(const char *option, struct studio_error *error)
{
    const char *names[ROWS];
    const char *word = option + strspn(option, "-");

    for (size_t i = 0; i < ROWS; i++)
        names[i] = rows[i].name;
    const char *near = text_nearest(word, names, ROWS);
    if (near != NULL)
        return client_error_usage(error, "unknown option %.60s, did you mean --%s?", option, near);
    return client_error_usage(error, "unknown option %.60s (--help lists them)", option);
}

enum studio_err args_parse(int argc, char **argv, struct args *out, struct studio_error *error)
{
    struct option options[ROWS + 1] = {0};

    memset(out, 0, sizeof(*out));
    for (int i = 0; i < ROWS; i++)
        options[i] =
            (struct option){.name = rows[i].name,
                            .has_arg = rows[i].value != NULL ? required_argument : no_argument,
                            .val = i + 1};
    optind = 0; /* GNU: start anew, so that a test may parse more than once */
    opterr = 0;
    for (;;) {
        int c = getopt_long(argc, argv, ":h", options, NULL);
        if (c == -1)
            break;
        if (c == 'h') {
            out->help = true;
            continue;
        }
        if (c == ':')
            return client_error_usage(error, "%.60s needs a value", argv[optind - 1]);
        if (c == '?')
            return unknown_option(argv[optind - 1], error);
        enum studio_err err = apply(out, &rows[c - 1], optarg, error);
        if (err != STUDIO_OK)
            return err;
    }
    if (out->command == NULL)
        out->command = optind < argc ? argv[optind++] : "demo";
    out->count = argc - optind;
    out->rest = (const char *const *)(argv + optind);
    return STUDIO_OK;
}

bool args_option(size_t i, struct args_option *out)
{
    if (i >= ROWS)
        return false;
    *out = (struct args_option){rows[i].name, rows[i].value, rows[i].what};
    return true;
}
