#include "cmd/pages.h"

#include <string.h>

#include "base/manual.h"
#include "cmd/texts.h"
#include "config/options.h"

static void rows(FILE *out, const struct text_row *row)
{
    for (; row->words; row++) {
        manual_item(out, row->words);
        manual_text(out, row->what);
    }
}

static void print_default(FILE *out, const struct option *option)
{
    char text[160];
    const char *value = option->initial ? option->initial : option->absent;
    if (!value)
        return;
    snprintf(text, sizeof text, "(%s%.120s)",
             option->initial ? "default: " : "without it: ", value);
    manual_text(out, text);
}

static void flag(FILE *out, const struct option *option)
{
    char about[192], values[128];
    option_values(option, values, sizeof values);
    snprintf(about, sizeof about, "--%.24s %s", option->flag, values);
    manual_item(out, about);
    manual_text(out, option->help);
    print_default(out, option);
}

void manual_of_program(FILE *out)
{
    static const char *const others[] = {"studio-agent.ini(5)", "studio-client(1)",
                                         "studio-agent-protocol(7)", "mosquitto(8)", NULL};
    manual_begin(out, "studio-agent", "1", "keeps the status of gaming tables");
    manual_chapter(out, "SYNOPSIS");
    for (const struct text_row *row = text_forms; row->words; row++) {
        char line[256];
        snprintf(line, sizeof line, "studio-agent %.200s", row->words);
        manual_line(out, line, row[1].words != NULL);
    }
    manual_chapter(out, "DESCRIPTION");
    manual_text(out, "The studio agent");
    manual_text(out, text_intro);
    manual_paragraph(out,
                     "Without a command it runs; with one it does what the command says and ends:");
    for (const struct text_row *row = text_forms; row->words; row++) {
        if (row->words[0] == '[' || row->words[0] == '-')
            continue;
        manual_item(out, row->words);
        manual_text(out, row->what);
    }
    manual_chapter(out, "OPTIONS");
    manual_text(out, text_options);
    manual_text(out, "Options without a flag are told in studio-agent.ini(5).");
    rows(out, text_flags);
    for (size_t i = 0; i < option_count; i++) {
        if (options[i].flag)
            flag(out, &options[i]);
    }
    manual_chapter(out, "EXIT STATUS");
    rows(out, text_exit_codes);
    manual_chapter(out, "EXAMPLES");
    rows(out, text_examples);
    manual_see_also(out, others);
}

static void key(FILE *out, const struct option *option)
{
    char about[192], values[128], variable[OPTION_ENV_MAX], names[160];
    option_values(option, values, sizeof values);
    option_env_name(option, variable);
    snprintf(about, sizeof about, "%.40s = %s", option->key, values);
    manual_item(out, about);
    manual_text(out, option->help);
    print_default(out, option);
    if (option->flag)
        snprintf(names, sizeof names, "[--%.24s, %s]", option->flag, variable);
    else
        snprintf(names, sizeof names, "[%s]", variable);
    manual_text(out, names);
}

void manual_of_file(FILE *out)
{
    static const char *const others[] = {"studio-agent(1)", "studio-agent-protocol(7)", NULL};
    static const char *const example[] = {"[websocket]",
                                          "listen = localhost:8080",
                                          "[mqtt]",
                                          "broker = mqtts://broker-1,mqtts://broker-2",
                                          "username = agent",
                                          "password_file = /etc/studio-agent/broker.password",
                                          NULL};
    manual_begin(out, "studio-agent.ini", "5", "the configuration of the studio agent");
    manual_chapter(out, "DESCRIPTION");
    manual_text(out, "What studio-agent(1) is given with -c; an installed one reads "
                     "/etc/studio-agent/agent.ini.");
    manual_text(out, text_options);
    manual_paragraph(
        out, "A line that begins with ; or # says nothing. A section or key that is not known "
             "is a mistake, and the nearest one that is known is named; "
             "studio-agent check -c FILE finds all of them.");
    manual_chapter(out, "OPTIONS");
    const char *section = "";
    for (size_t i = 0; i < option_count; i++) {
        char title[40];
        if (strcmp(section, options[i].section) != 0) {
            section = options[i].section;
            snprintf(title, sizeof title, "[%.32s]", section);
            manual_part(out, title);
        }
        key(out, &options[i]);
    }
    manual_chapter(out, "EXAMPLES");
    for (const char *const *line = example; *line; line++)
        manual_line(out, *line, line[1] != NULL);
    manual_see_also(out, others);
}
