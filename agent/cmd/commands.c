/* commands.c - one function for each command, and the table that finds it. */
#include "cmd/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/certificate.h"
#include "base/times.h"
#include "cmd/ask.h"
#include "cmd/backup.h"
#include "cmd/completion.h"
#include "cmd/doctor.h"
#include "cmd/help.h"
#include "cmd/pages.h"
#include "cmd/setup.h"
#include "cmd/socket_unit.h"
#include "cmd/store.h"
#include "cmd/support.h"
#include "cmd/token.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/exposure.h"
#include "database.h"
#include "studio/version.h"

typedef int command_fn(const struct cli *cli, const char *const *variables);

/* Colours for a person only: a terminal, and no wish for none (NO_COLOR). */
static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(no && *no);
}

/* What --help can be asked for; all but the first are for the build. */
static const struct topic {
    const char *name;
    void (*print)(FILE *out);
} topics[] = {
    {"options", help_print_options},
    {"manual", manual_of_program},
    {"ini", manual_of_file},
    {"completion", completion_print},
};

static int command_help(const struct cli *cli, const char *const *variables)
{
    (void)variables;
    if (!cli->topic) {
        help_print(stdout, wants_colour());
        return STUDIO_EXIT_OK;
    }
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        if (strcmp(topics[i].name, cli->topic) == 0) {
            topics[i].print(stdout);
            return STUDIO_EXIT_OK;
        }
    }
    cli_complain("--help, or --help options for all of them in a table");
    return STUDIO_EXIT_USAGE;
}

static int command_version(const struct cli *cli, const char *const *variables)
{
    (void)cli;
    (void)variables;
    printf("studio-agent %s (protocol %d)\n", STUDIO_VERSION, STUDIO_PROTOCOL_VERSION);
    return STUDIO_EXIT_OK;
}

static void print_mistake(void *ctx, unsigned line, const char *what)
{
    const struct cli *cli = ctx;
    printf("%s:%u: %s\n", cli->file, line, what);
}

/* The flags as they would count over the file; how many are wrong. */
static size_t check_flags(const struct cli *cli, struct studio_agent_config *config)
{
    struct studio_error error;
    size_t mistakes = 0;
    for (size_t i = 0; i < cli->setting_count; i++) {
        const struct cli_setting *setting = &cli->settings[i];
        if (studio_agent_config_set(config, setting->name, setting->value, &error) == STUDIO_OK)
            continue;
        printf("command line: %s\n", error.text);
        mistakes++;
    }
    return mistakes;
}

static void print_warning(void *ctx, const char *what)
{
    const char *const *name = ctx;
    printf("%s: warning: %s\n", *name, what);
}

/* False: the agent would not start with it. */
static bool check_certificate(const char *name, const struct studio_agent_config *config,
                              struct studio_error *error)
{
    const struct certificate_files files = {config->tls_cert, config->tls_key,
                                            config->tls_client_ca};
    struct certificate *certificate;
    unsigned days;

    if (!config->tls_cert)
        return true;
    if (certificate_read(&files, &certificate, error) != STUDIO_OK)
        return false;
    days = time_days_left(certificate_ends(certificate), time(NULL));
    certificate_free(certificate);
    printf("%s: the certificate ends in %u day%s\n", name, days, days == 1 ? "" : "s");
    return true;
}

static void print_doubt(void *ctx, const char *what, const char *advice)
{
    const char *const *name = ctx;
    printf("%s: warning: the database: %s; %s\n", *name, what, advice);
}

/* It may be away now, and be there for the agent. */
static void check_database(const char *name, const struct studio_agent_config *config)
{
    struct store_survey survey;
    struct studio_error error;
    if (config->store_url &&
        database_look(config, &survey, print_doubt, &name, &error) != STUDIO_OK)
        printf("%s: warning: %s\n", name, error.text);
}

static int command_check(const struct cli *cli, const char *const *variables)
{
    struct studio_agent_config config;
    struct studio_error error;
    struct cli copy = *cli;
    const char *name = cli->file ? cli->file : "command line";
    char words[SOCKET_UNIT_WORDS_MAX];
    size_t mistakes = 0;
    int code = STUDIO_EXIT_FAILED;
    (void)variables;
    if (!cli->file && cli->setting_count == 0) {
        cli_complain("check needs a file or flags: studio-agent check -c FILE");
        return STUDIO_EXIT_USAGE;
    }
    config_init(&config);
    if (cli->file && config_parse_file(&config, cli->file, NULL, print_mistake, &copy, &mistakes,
                                       &error) != STUDIO_OK) {
        cli_complain(error.text);
        code = STUDIO_EXIT_USAGE;
    } else if (mistakes + check_flags(cli, &config) > 0) {
        ; /* told */
    } else if (config_check(&config, &error) != STUDIO_OK ||
               !check_certificate(name, &config, &error)) {
        printf("%s: %s\n", name, error.text);
    } else {
        config_warnings(&config, print_warning, &name);
        check_database(name, &config);
        if (socket_unit_words(words))
            printf("%s: %s\n", name, words);
        printf("%s: ok\n", name);
        code = STUDIO_EXIT_OK;
    }
    config_finish(&config);
    return code;
}

static command_fn *const table[CLI_COMMAND_COUNT] = {
    [CLI_HELP] = command_help,    [CLI_VERSION] = command_version, [CLI_CHECK] = command_check,
    [CLI_TOKEN] = command_token,  [CLI_USER] = command_user,       [CLI_RELOAD] = command_ask,
    [CLI_STORE] = command_store,  [CLI_REPUBLISH] = command_ask,   [CLI_BACKUP] = command_backup,
    [CLI_HANDOVER] = command_ask, [CLI_DOCTOR] = command_doctor,   [CLI_SUPPORT] = command_support,
    [CLI_SETUP] = command_setup,
};

int command_run(const struct cli *cli, const char *const *variables)
{
    int code = table[cli->command](cli, variables);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_complain("cannot write to standard output");
        return STUDIO_EXIT_FAILED;
    }
    return code;
}
