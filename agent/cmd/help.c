/* help.c - --help and the README's table, both from the option table. */
#include "cmd/help.h"

#include <string.h>

#include "cmd/texts.h"
#include "config/options.h"
#include "studio/version.h"

static void heading(FILE *out, bool colour, const char *text)
{
    fprintf(out, "\n%s%s%s\n", colour ? "\033[1m" : "", text, colour ? "\033[0m" : "");
}

/* Two columns; what is too long for the first has its line to itself. */
static void print_row(FILE *out, const char *program, const struct text_row *row, int width)
{
    int len = fprintf(out, "  %s%s", program, row->words) - 2;
    if (*row->what)
        fprintf(out, len > width ? "\n  %*s %s" : "%*s %s", len > width ? width : width - len, "",
                row->what);
    fputc('\n', out);
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
    fprintf(out, "studio-agent %s - %s\n", STUDIO_VERSION, text_intro);
    heading(out, colour, "Usage");
    for (const struct text_row *row = text_forms; row->words; row++)
        print_row(out, "studio-agent ", row, 38);
    heading(out, colour, "Examples");
    for (const struct text_row *row = text_examples; row->words; row++)
        fprintf(out, "  %s\n      %s\n", row->words, row->what);
    heading(out, colour, "Options");
    fprintf(out, "%s\n", text_options);
    for (const struct text_row *row = text_flags; row->words; row++)
        print_row(out, *row->words == '-' && row->words[1] == '-' ? "    " : "", row, 34);
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
    for (const struct text_row *row = text_exit_codes; row->words; row++)
        print_row(out, "", row, 4);
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
