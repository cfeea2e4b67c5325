#include "usage.h"

#include <stdbool.h>
#include <string.h>

#include "base/complete.h"
#include "base/manual.h"
#include "commands.h"
#include "studio/status.h"

struct row {
    const char *words;
    const char *what;
};

static const char token_sources[] =
    "The token comes from --token, else --token-file, else the environment variable\n"
    "STUDIO_TOKEN, else it is asked for on the terminal.";

static const struct row examples[] = {
    {"export STUDIO_TOKEN=...", "once, so that no command line shows it"},
    {"studio-client", "see the whole conversation"},
    {"studio-client --table ARO-002 set sdp=up roulette=down", ""},
    {"studio-client sdp up roulette down", "the same words as in the prompt"},
    {"studio-client set maintenance=on", ""},
    {"studio-client set shift=3 dealer='Ann B.' limits='{\"min\":5}'",
     "custom fields: JSON if it is JSON, else text; '\"3\"' is the text 3"},
    {"studio-client set shift=", "removes a custom field (shift='\"\"' empties it)"},
    {"studio-client get | jq .SDP", ""},
    {"studio-client watch --all", "with the token of a viewer or operator"},
    {"studio-client watch ARO-001 ARO-002 | jq -c '[.TABLE_ID,.SDP]'", ""},
    {"studio-client --url wss://studio-1:8443,wss://studio-2:8443 watch --all",
     "goes on with the one that serves"},
    {"studio-client history ARO-001 --since 2026-01-02T06:00:00Z --kinds changes,exceptions", ""},
    {"studio-client events --state seen | jq -c 'select(.seq) | [.table_id,.changes]'",
     "go on where it broke off, also after a restart"},
    {"studio-client exception 'NO BALL DETECT'", ""},
    {"printf 'sdp up\\nmaintenance off\\n' | studio-client interactive", ""},
    {NULL, NULL},
};

static const struct row exit_codes[] = {
    {"0", "confirmed (it is on the agent's disk)"},
    {"1", "refused"},
    {"2", "usage"},
    {"3", "server not reachable"},
    {"4", "not authenticated"},
    {NULL, NULL},
};

/* `set KEY=VALUE...` or `--url URL`, in at most `cap` bytes. */
static const char *join(char *out, size_t cap, const char *name, const char *value)
{
    snprintf(out, cap, "%s%s%s", name, value != NULL && *value ? " " : "",
             value != NULL ? value : "");
    return out;
}

/* Two columns; what is too long for the first has its line to itself. */
static void print_row(FILE *out, const char *words, const char *what, int width)
{
    int len = fprintf(out, "  %s", words);
    if (*what)
        fprintf(out, len > width ? "\n%*s %s" : "%*s %s", len > width ? width : width - len, "",
                what);
    fputc('\n', out);
}

static void print_help(FILE *out)
{
    struct args_option option;
    char head[120], name[60];

    fputs("usage: studio-client [OPTION...] [COMMAND]\n\nCommands:\n", out);
    for (size_t i = 0; i < command_count; i++)
        if (commands[i].what != NULL)
            print_row(out, join(head, sizeof(head), commands[i].name, commands[i].arguments),
                      commands[i].what, 24);
    fputs("\nOptions:\n", out);
    for (size_t i = 0; args_option(i, &option); i++) {
        snprintf(name, sizeof(name), "--%s", option.name);
        print_row(out, join(head, sizeof(head), name, option.value), option.what, 24);
    }
    fprintf(out, "\n%s\n\nExamples:\n", token_sources);
    for (const struct row *row = examples; row->words != NULL; row++)
        print_row(out, row->words, row->what, 32);
    fputs("\nExit codes:\n", out);
    for (const struct row *row = exit_codes; row->words != NULL; row++)
        fprintf(out, "  %s %s\n", row->words, row->what);
}

static void manual_rows(FILE *out, const struct row *row)
{
    for (; row->words != NULL; row++) {
        manual_item(out, row->words);
        manual_text(out, row->what);
    }
}

static void print_manual(FILE *out)
{
    static const char *const others[] = {"studio-agent(1)", "studio-agent-protocol(7)", NULL};
    struct args_option option;
    char head[120], name[60];

    manual_begin(out, "studio-client", "1", "reports and watches the status of gaming tables");
    manual_chapter(out, "SYNOPSIS");
    manual_text(out, "studio-client [OPTION...] [COMMAND]");
    manual_chapter(out, "DESCRIPTION");
    manual_text(out, "Speaks WebSocket to a studio agent, and HTTP for what has happened.");
    manual_text(out, token_sources);
    manual_chapter(out, "COMMANDS");
    for (size_t i = 0; i < command_count; i++) {
        if (commands[i].what == NULL)
            continue;
        manual_item(out, join(head, sizeof(head), commands[i].name, commands[i].arguments));
        manual_text(out, commands[i].what);
    }
    manual_paragraph(out,
                     "A word that names a field is set: sdp=up, or sdp up. These are the fields:");
    for (size_t i = 0; i < studio_field_count; i++) {
        manual_item(out, studio_fields[i].key);
        manual_text(out, studio_fields[i].what);
    }
    manual_chapter(out, "OPTIONS");
    for (size_t i = 0; args_option(i, &option); i++) {
        snprintf(name, sizeof(name), "--%s", option.name);
        manual_item(out, join(head, sizeof(head), name, option.value));
        manual_text(out, option.what);
    }
    manual_chapter(out, "EXIT STATUS");
    manual_rows(out, exit_codes);
    manual_chapter(out, "EXAMPLES");
    manual_rows(out, examples);
    manual_see_also(out, others);
}

/* "up|down", for a field behind its '='. */
static void complete_field(FILE *out, const struct studio_field *field)
{
    char values[STUDIO_VALUES_MAX * (STUDIO_VALUE_MAX + 1)] = "";
    const char *name;
    size_t len = 0;

    for (size_t i = 0; (name = studio_value_name(&studio_built_in_values, field->kind, i)) != NULL;
         i++)
        len += (size_t)snprintf(values + len, sizeof(values) - len, "%s%s", i > 0 ? "|" : "", name);
    complete_value(out, field->key, values);
}

static void complete_fields_and_flags(FILE *out, bool fields)
{
    struct args_option option;
    char word[60];

    for (size_t i = 0; fields && i < studio_field_count; i++) {
        snprintf(word, sizeof(word), "%s=", studio_fields[i].key);
        complete_word(out, word);
    }
    for (size_t i = 0; args_option(i, &option); i++) {
        snprintf(word, sizeof(word), "--%s", option.name);
        complete_word(out, word);
    }
}

static void print_completion(FILE *out)
{
    struct args_option option;
    char word[60], names[400] = "";
    size_t len = 0;

    complete_begin(out, "studio-client");
    for (size_t i = 0; args_option(i, &option); i++) {
        snprintf(word, sizeof(word), "--%s", option.name);
        if (option.value != NULL)
            complete_value(out, word, option.value);
    }
    for (size_t i = 0; i < studio_field_count; i++)
        complete_field(out, &studio_fields[i]);
    for (size_t i = 0; i < command_count; i++)
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? "|" : "",
                                commands[i].name);
    complete_commands(out, names);
    complete_command(out, "");
    for (size_t i = 0; i < command_count; i++)
        complete_word(out, commands[i].name);
    complete_fields_and_flags(out, true);
    complete_command_end(out);
    for (size_t i = 0; i < command_count; i++) {
        complete_command(out, commands[i].name);
        complete_fields_and_flags(out, commands[i].run == cmd_set);
        complete_command_end(out);
    }
    complete_end(out, "studio-client");
}

void usage_print(FILE *out, const char *topic)
{
    if (strcmp(topic, "manual") == 0)
        print_manual(out);
    else if (strcmp(topic, "completion") == 0)
        print_completion(out);
    else
        print_help(out);
}
