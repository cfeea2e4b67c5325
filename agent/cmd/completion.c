#include "cmd/completion.h"

#include <stdbool.h>
#include <string.h>

#include "base/complete.h"
#include "cmd/cli.h"
#include "cmd/texts.h"
#include "config/options.h"

enum { NAME = 40, VALUE = 160, FLAGS = 160, WORDS = 32 };

struct flag {
    char name[NAME];
    char value[VALUE]; /* what follows it; empty: nothing */
};

/* A command with the words that may come next: "token", "new list revoke". */
struct command {
    char name[NAME];
    char words[WORDS][NAME];
    size_t count;
};

struct rows {
    struct flag flags[FLAGS];
    struct command commands[WORDS];
    size_t flag_count, command_count;
};

static void add_flag(struct rows *rows, const char *name, size_t len, const char *value,
                     size_t value_len)
{
    if (rows->flag_count == FLAGS)
        return;
    for (size_t i = 0; i < rows->flag_count; i++) {
        if (strlen(rows->flags[i].name) == len && memcmp(rows->flags[i].name, name, len) == 0)
            return;
    }
    struct flag *flag = &rows->flags[rows->flag_count++];
    snprintf(flag->name, sizeof flag->name, "%.*s", (int)len, name);
    snprintf(flag->value, sizeof flag->value, "%.*s", (int)value_len, value);
}

/* "[-c FILE] [--role device|viewer|operator]": each flag with the value behind it; of "-c, --config
 * FILE" both have it. */
static void add_flags(struct rows *rows, const char *text)
{
    for (;;) {
        text += strspn(text, " ,[]|");
        if (*text == '\0')
            return;
        size_t len = strcspn(text, " ,]");
        const char *value = text + len;
        if (*value == ',') {
            value += strspn(value, ", ");
            value += strcspn(value, " ");
        }
        value += strspn(value, " ");
        if (*text == '-')
            add_flag(rows, text, len, value,
                     strcspn(value, "[]|- ") == 0 ? 0 : strcspn(value, " ]"));
        text += len;
    }
}

static struct command *command_of(struct rows *rows, const char *name, size_t len)
{
    for (size_t i = 0; i < rows->command_count; i++) {
        if (strlen(rows->commands[i].name) == len && memcmp(rows->commands[i].name, name, len) == 0)
            return &rows->commands[i];
    }
    if (rows->command_count == WORDS)
        return NULL;
    struct command *command = &rows->commands[rows->command_count++];
    snprintf(command->name, sizeof command->name, "%.*s", (int)len, name);
    return command;
}

static bool in_small_letters(const char *word, size_t len)
{
    return len > 0 && strspn(word, "abcdefghijklmnopqrstuvwxyz") >= len;
}

/* "token new PATTERN ..." */
static void add_form(struct rows *rows, const char *form)
{
    size_t len = strcspn(form, " ");
    if (!in_small_letters(form, len))
        return;
    struct command *command = command_of(rows, form, len);
    const char *word = form + len + strspn(form + len, " ");
    len = strcspn(word, " ");
    if (command && in_small_letters(word, len) && command->count < WORDS)
        snprintf(command->words[command->count++], NAME, "%.*s", (int)len, word);
}

static void collect(struct rows *rows)
{
    for (size_t i = 0; i < option_count; i++) {
        char name[NAME], value[VALUE];
        if (!options[i].flag)
            continue;
        int len = snprintf(name, sizeof name, "--%.32s", options[i].flag);
        option_values(&options[i], value, sizeof value);
        add_flag(rows, name, (size_t)len, value, strlen(value));
    }
    for (const struct text_row *row = text_flags; row->words; row++)
        add_flags(rows, row->words);
    for (const struct text_row *row = text_forms; row->words; row++) {
        add_flags(rows, row->words);
        add_form(rows, row->words);
    }
}

static bool takes(const char *command, const struct flag *flag)
{
    const char *argv[5] = {"studio-agent"};
    struct studio_error error;
    struct cli cli;
    int argc = 1;
    if (*command)
        argv[argc++] = command;
    argv[argc++] = flag->name;
    if (*flag->value)
        argv[argc++] = "section.key=value"; /* is read by nobody here */
    enum studio_err err = cli_parse(&cli, argc, argv, &error);
    cli_finish(&cli);
    return err == STUDIO_OK;
}

static void print_command(FILE *out, const struct rows *rows, const struct command *command)
{
    complete_command(out, command->name);
    for (size_t i = 0; i < command->count; i++)
        complete_word(out, command->words[i]);
    for (size_t i = 0; i < rows->flag_count; i++) {
        if (takes(command->name, &rows->flags[i]))
            complete_word(out, rows->flags[i].name);
    }
    complete_command_end(out);
}

void completion_print(FILE *out)
{
    struct rows rows = {0};
    struct command none = {0}; /* what may stand before a command is one */
    char names[WORDS * NAME] = "";
    size_t len = 0;
    collect(&rows);
    complete_begin(out, "studio-agent");
    for (size_t i = 0; i < rows.flag_count; i++) {
        if (*rows.flags[i].value)
            complete_value(out, rows.flags[i].name, rows.flags[i].value);
    }
    for (size_t i = 0; i < rows.command_count; i++) {
        const char *name = rows.commands[i].name;
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i ? "|" : "", name);
        snprintf(none.words[none.count++], NAME, "%s", name);
    }
    complete_commands(out, names);
    print_command(out, &rows, &none);
    for (size_t i = 0; i < rows.command_count; i++)
        print_command(out, &rows, &rows.commands[i]);
    complete_end(out, "studio-agent");
}
