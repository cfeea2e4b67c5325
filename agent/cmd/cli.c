/* cli.c - argv against a table of commands, a table of flags and the option table. */
#include "cmd/cli.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "config/config_file.h"
#include "config/options.h"

/* Sets of commands, one bit each. */
enum {
    RUN = 1u << CLI_RUN,
    CHECK = 1u << CLI_CHECK,
    TOKEN = 1u << CLI_TOKEN,
    USER = 1u << CLI_USER,
    RELOAD = 1u << CLI_RELOAD,
    STORE = 1u << CLI_STORE,
    REPUBLISH = 1u << CLI_REPUBLISH,
    HANDOVER = 1u << CLI_HANDOVER,
    BACKUP = 1u << CLI_BACKUP,
    USERS = TOKEN | USER,
    ON_DATA = USERS | RELOAD | STORE | REPUBLISH | HANDOVER | BACKUP,
    DOCTOR = 1u << CLI_DOCTOR,
    SUPPORT = 1u << CLI_SUPPORT,
    SETUP = 1u << CLI_SETUP,
    ON_ALL = RUN | CHECK | DOCTOR | SUPPORT, /* take every option */
    ALL = ON_ALL | ON_DATA | SETUP
};

struct command {
    const char *name;
    enum cli_command command;
    size_t words_max; /* that may follow it */
};

static const struct command commands[] = {
    {"check", CLI_CHECK, 0},       {"token", CLI_TOKEN, 2},
    {"user", CLI_USER, 2},         {"reload", CLI_RELOAD, 0},
    {"store", CLI_STORE, 2},       {"republish", CLI_REPUBLISH, 0},
    {"backup", CLI_BACKUP, 1},     {"doctor", CLI_DOCTOR, 0},
    {"support", CLI_SUPPORT, 1},   {"setup", CLI_SETUP, CLI_WORDS_MAX},
    {"handover", CLI_HANDOVER, 0},
};

enum flag_id {
    FLAG_CONFIG,
    FLAG_SET,
    FLAG_HELP,
    FLAG_VERSION,
    FLAG_ROLE,
    FLAG_EXPIRES,
    FLAG_TABLES,
    FLAG_JSON,
    FLAG_LOG,
    FLAG_PASSWORD,
    FLAG_CERTIFICATE,
    FLAG_MOSQUITTO
};

/* The flags that are no options. */
static const struct flag {
    const char *name;
    enum flag_id id;
    bool value;  /* takes one */
    unsigned in; /* commands that know it */
} flags[] = {
    {"-c", FLAG_CONFIG, true, ALL},
    {"--config", FLAG_CONFIG, true, ALL},
    {"--set", FLAG_SET, true, ON_ALL},
    {"-h", FLAG_HELP, false, ALL},
    {"--help", FLAG_HELP, false, ALL},
    {"--version", FLAG_VERSION, false, ALL},
    {"--role", FLAG_ROLE, true, USERS},
    {"--expires", FLAG_EXPIRES, true, USERS},
    {"--tables", FLAG_TABLES, true, USERS},
    {"--password", FLAG_PASSWORD, false, USERS},
    {"--certificate", FLAG_CERTIFICATE, false, TOKEN},
    {"--json", FLAG_JSON, false, DOCTOR},
    {"--log", FLAG_LOG, true, SUPPORT},
    {"--mosquitto", FLAG_MOSQUITTO, true, SETUP},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static const struct flag *find_flag(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT(flags); i++) {
        if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0)
            return &flags[i];
    }
    return NULL;
}

/* The option of `--name`, if `command` may have it. */
static const struct option *find_option(const char *arg, size_t len, unsigned command)
{
    char name[32];
    if (len < 3 || len - 2 >= sizeof name || strncmp(arg, "--", 2) != 0)
        return NULL;
    memcpy(name, arg + 2, len - 2);
    name[len - 2] = '\0';
    const struct option *option = option_by_flag(name);
    if (!option || command & ON_ALL)
        return option;
    bool data = strcmp(name, "data") == 0 && (command & ON_DATA);
    bool tokens = strcmp(name, "tokens") == 0 && (command & USERS);
    bool root = strcmp(name, "topic-root") == 0 && (command & USER);
    return data || tokens || root ? option : NULL;
}

static enum studio_err fail_flag(struct studio_error *error, const char *arg, size_t len,
                                 unsigned command)
{
    char names[64][24], word[64];
    const char *list[64];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(flags); i++) {
        if (flags[i].in & command)
            snprintf(names[count++], sizeof names[0], "%s", flags[i].name);
    }
    for (size_t i = 0; i < option_count && count < COUNT(names); i++) {
        if (!options[i].flag)
            continue;
        snprintf(names[count], sizeof names[0], "--%s", options[i].flag);
        if (find_option(names[count], strlen(names[count]), command))
            count++;
    }
    for (size_t i = 0; i < count; i++)
        list[i] = names[i];
    snprintf(word, sizeof word, "%.*s", (int)len, arg);
    const char *near = text_nearest(word, list, count);
    return config_fail(error, STUDIO_ERR_USAGE, "unknown flag %s; %s%s%s", word,
                       near ? "did you mean " : "see studio-agent --help", near ? near : "",
                       near ? "?" : "");
}

static enum studio_err fail_word(struct studio_error *error, const char *word, bool first)
{
    const char *names[COUNT(commands)];
    for (size_t i = 0; i < COUNT(commands); i++)
        names[i] = commands[i].name;
    const char *near = first ? text_nearest(word, names, COUNT(commands)) : NULL;
    return config_fail(error, STUDIO_ERR_USAGE, "%s '%.64s'; %s%s%s",
                       first ? "unknown command" : "unexpected word", word,
                       near ? "did you mean '" : "see studio-agent --help", near ? near : "",
                       near ? "'?" : "");
}

static enum studio_err add_setting(struct cli *cli, const char *name, size_t len, const char *value,
                                   struct studio_error *error)
{
    char *copy = strndup(name, len);
    if (!copy)
        return config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory");
    struct cli_setting *setting = &cli->settings[cli->setting_count++];
    setting->name = copy;
    setting->value = value;
    return STUDIO_OK;
}

static enum studio_err add_option(struct cli *cli, const struct option *option, const char *value,
                                  struct studio_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", option->section, option->key);
    return add_setting(cli, name, strlen(name), value, error);
}

/* --set section.key=value */
static enum studio_err add_set(struct cli *cli, const char *text, struct studio_error *error)
{
    assert(text); /* the flag takes a value */
    size_t len = strcspn(text, "=");
    if (text[len] != '=')
        return config_fail(error, STUDIO_ERR_USAGE,
                           "--set %.64s: expected section.key=value, like limits.tables=100", text);
    for (size_t i = 0; i < option_count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%s", options[i].section, options[i].key);
        if (!options[i].secret || strlen(name) != len || memcmp(name, text, len) != 0)
            continue;
        const struct option *file = option_file_for(&options[i]);
        return config_fail(error, STUDIO_ERR_USAGE,
                           "--set %s: everybody on this machine can read a command line; use "
                           "%s%sthe configuration file or the environment",
                           name, file ? name : "", file ? "_file, " : "");
    }
    return add_setting(cli, text, len, text + len + 1, error);
}

static enum studio_err apply_flag(struct cli *cli, enum flag_id id, const char *value,
                                  struct studio_error *error)
{
    switch (id) {
    case FLAG_CONFIG:
        cli->file = value;
        break;
    case FLAG_SET:
        return add_set(cli, value, error);
    case FLAG_HELP:
        cli->command = CLI_HELP;
        break;
    case FLAG_VERSION:
        cli->command = CLI_VERSION;
        break;
    case FLAG_ROLE:
        cli->role = value;
        break;
    case FLAG_EXPIRES:
        cli->expires = value;
        break;
    case FLAG_TABLES:
        cli->tables = value;
        break;
    case FLAG_LOG:
        cli->log_file = value;
        break;
    case FLAG_MOSQUITTO:
        cli->mosquitto = value;
        break;
    case FLAG_JSON:
        cli->json = true;
        break;
    case FLAG_PASSWORD:
        cli->password = true;
        break;
    case FLAG_CERTIFICATE:
        cli->certificate = true;
        break;
    }
    return STUDIO_OK;
}

/* One flag and its value, `--flag=value` or `--flag value`; *i is moved over what was used. */
static enum studio_err take_flag(struct cli *cli, int argc, const char *const *argv, int *i,
                                 unsigned command, struct studio_error *error)
{
    const char *arg = argv[*i];
    bool is_long = strncmp(arg, "--", 2) == 0;
    size_t len = is_long ? strcspn(arg, "=") : strlen(arg);
    const char *value = arg[len] == '=' ? arg + len + 1 : NULL;
    const struct flag *flag = find_flag(arg, len);
    const struct option *option = find_option(arg, len, command);
    bool known = option || (flag && (flag->in & command));
    bool takes_value = option || (flag && flag->value);
    if (!known)
        return fail_flag(error, arg, len, command);
    if (value && !takes_value)
        return config_fail(error, STUDIO_ERR_USAGE, "%s takes no value", flag->name);
    if (!value && takes_value) {
        if (*i + 1 >= argc)
            return config_fail(error, STUDIO_ERR_USAGE, "%s needs a value", arg);
        value = argv[++*i];
    }
    return option ? add_option(cli, option, value, error) : apply_flag(cli, flag->id, value, error);
}

enum studio_err cli_parse(struct cli *cli, int argc, const char *const *argv,
                          struct studio_error *error)
{
    *cli = (struct cli){.command = CLI_RUN};
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
    unsigned bit = command ? 1u << command->command : (unsigned)RUN;
    int start = command ? 2 : 1;
    if (command)
        cli->command = command->command;
    cli->settings = calloc((size_t)argc + 1, sizeof *cli->settings);
    if (!cli->settings)
        return config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory");

    for (int i = start; i < argc; i++) {
        enum studio_err err = STUDIO_OK;
        if (argv[i][0] == '-' && argv[i][1] != '\0')
            err = take_flag(cli, argc, argv, &i, bit, error);
        else if (command && cli->word_count < command->words_max)
            cli->words[cli->word_count++] = argv[i];
        else if (cli->command == CLI_HELP && !cli->topic)
            cli->topic = argv[i];
        else
            err = fail_word(error, argv[i], !command && i == 1);
        if (err != STUDIO_OK)
            return err;
    }
    return STUDIO_OK;
}

void cli_finish(struct cli *cli)
{
    for (size_t i = 0; i < cli->setting_count; i++)
        free(cli->settings[i].name);
    free(cli->settings);
    *cli = (struct cli){0};
}

/* The journal has each line for itself. */
void cli_complain(const char *text)
{
    const char *mark = log_mark(LOG_ERROR), *who = "studio-agent: ";

    do {
        const size_t len = strcspn(text, "\n");
        fprintf(stderr, "%s%s%.*s\n", mark, who, (int)len, text);
        text += len + (text[len] == '\n');
        who = "";
    } while (*text);
}

/* Whatever else the environment or the file says of an agent does not keep a command from its work. */
static bool is_for_commands(const struct option *option)
{
    char flag[40];
    int len = snprintf(flag, sizeof flag, "--%s", option->flag ? option->flag : "");
    return find_option(flag, (size_t)len, ON_DATA) != NULL;
}

/* And, for those that look into the store, where it is. */
static bool is_for_store(const struct option *option)
{
    return is_for_commands(option) ||
           (strcmp(option->section, "store") == 0 && strcmp(option->key, "url") == 0) ||
           (strcmp(option->section, "mqtt") == 0 && strcmp(option->key, "agent_id") == 0);
}

enum studio_err cli_configure(const struct cli *cli, const char *const *variables,
                              struct studio_agent_config *config, struct studio_error *error)
{
    enum studio_err err = STUDIO_OK;
    bool doctor = cli->command == CLI_DOCTOR;
    bool run = cli->command == CLI_RUN || doctor; /* all of it counts */
    bool store = cli->command == CLI_STORE || cli->command == CLI_BACKUP;
    config_wanted_fn *wanted = run ? NULL : store ? is_for_store : is_for_commands;
    if (cli->file)
        err = config_read(config, cli->file, wanted, error);
    if (err == STUDIO_OK)
        err = config_environment(config, variables, wanted, error);
    for (size_t i = 0; err == STUDIO_OK && i < cli->setting_count; i++)
        err = studio_agent_config_set(config, cli->settings[i].name, cli->settings[i].value, error);
    /* An agent does so itself, when it knows the sockets that are handed to it. */
    if (err == STUDIO_OK && doctor)
        err = config_check(config, error);
    return err;
}
