/* help.c - --help and the README's table, both from the option table. */
#include "cmd/help.h"

#include <string.h>

#include "config/options.h"
#include "studio/version.h"

static const char intro[] =
    "studio-agent " STUDIO_VERSION " - keeps the status of gaming tables: devices report it over "
    "WebSocket,\nevery change is made durable, answered, pushed to watchers and mirrored to "
    "MQTT.\n";

static const char usage[] =
    "  studio-agent [-c FILE] [OPTION...]     run until SIGTERM or SIGINT\n"
    "  studio-agent check [-c FILE] [OPTION...]  say what is wrong with a configuration\n"
    "  studio-agent token new PATTERN [--role device|viewer|operator] [--expires YYYY-MM-DD]\n"
    "               [--tables N]              N tables at most, of a pattern for many (256)\n"
    "  studio-agent token list | revoke HASH|PATTERN\n"
    "                                         users, in the file of --tokens, --data or -c\n"
    "  studio-agent reload --data DIR         have a running agent read its tokens again\n"
    "  studio-agent republish --data DIR      have it publish everything retained again\n"
    "  studio-agent doctor [-c FILE] [OPTION...] [--json]\n"
    "                                         is all right that an agent needs, and what to do if "
    "not\n"
    "  studio-agent backup FILE --data DIR    copy the store into a new file, also of a running "
    "agent\n"
    "  studio-agent store check|export|import|restored --data DIR\n"
    "  studio-agent --version | --help | --help options\n";

static const char examples[] =
    "  studio-agent token new 'ARO-001_*'\n"
    "      make the first user: any device of table ARO-001; prints its token once\n"
    "  studio-agent\n"
    "      a status server on ws://localhost:8080 that keeps its data in ./studio-data\n"
    "  studio-agent --listen 0.0.0.0:8080 --broker mqtt://localhost --data /var/lib/studio\n"
    "      open to the network and mirrored to MQTT\n"
    "  STUDIO_LOG_LEVEL=debug studio-agent -c /etc/studio-agent.conf\n"
    "      a file, and one option over it\n";

static const char words[] =
    "Every option has a key in the file (INI: a [section] line, then key = value lines) and a\n"
    "variable STUDIO_<SECTION>_<KEY>. Defaults, file, environment, command line: the later wins.\n";

static const char general[] =
    "  -c, --config FILE                  read this configuration file\n"
    "      --set SECTION.KEY=VALUE        any option, also one without its own flag\n"
    "  -h, --help [options]               this text; options: the table of all in Markdown\n"
    "      --version                      the version\n";

static const char exit_codes[] = "  0 orderly, 1 failed while running, 2 usage or configuration, "
                                 "3 port in use or not allowed,\n  4 store unusable\n";

static void heading(FILE *out, bool colour, const char *text)
{
    fprintf(out, "\n%s%s%s\n", colour ? "\033[1m" : "", text, colour ? "\033[0m" : "");
}

static void print_default(FILE *out, const struct option *option)
{
    const char *value = option->initial ? option->initial : option->absent;
    if (value)
        fprintf(out, " [%s]", value);
}

static void print_option(FILE *out, const struct option *option)
{
    char left[192], values[128];
    option_values(option, values, sizeof values);
    if (option->flag)
        snprintf(left, sizeof left, "%.32s, --%.24s %s", option->key, option->flag, values);
    else
        snprintf(left, sizeof left, "%.32s %s", option->key, values);
    fprintf(out, "  %-34s ", left);
    if (strlen(left) > 34)
        fprintf(out, "\n  %-34s ", "");
    fputs(option->help, out);
    print_default(out, option);
    fputc('\n', out);
}

void help_print(FILE *out, bool colour)
{
    fputs(intro, out);
    heading(out, colour, "Usage");
    fputs(usage, out);
    heading(out, colour, "Examples");
    fputs(examples, out);
    heading(out, colour, "Options");
    fputs(words, out);
    fputs(general, out);
    const char *section = "";
    for (size_t i = 0; i < option_count; i++) {
        char name[40];
        if (strcmp(section, options[i].section) != 0) {
            section = options[i].section;
            snprintf(name, sizeof name, "[%s]", section);
            heading(out, colour, name);
        }
        print_option(out, &options[i]);
    }
    heading(out, colour, "Exit codes");
    fputs(exit_codes, out);
}

/* A '|' would end the cell. */
static void print_cell(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

void help_print_options(FILE *out)
{
    fputs("| key | flag | variable | values | default | what |\n"
          "|---|---|---|---|---|---|\n",
          out);
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        char values[128], variable[OPTION_ENV_MAX];
        option_values(option, values, sizeof values);
        option_env_name(option, variable);
        fprintf(out, "| `%s.%s` | ", option->section, option->key);
        if (option->flag)
            fprintf(out, "`--%s`", option->flag);
        fprintf(out, " | `%s` | ", variable);
        print_cell(out, values);
        fputs(" | ", out);
        if (option->initial)
            fprintf(out, "`%s`", option->initial);
        else if (option->absent)
            fputs(option->absent, out);
        fprintf(out, " | %s |\n", option->help);
    }
}
