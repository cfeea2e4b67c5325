/*
 * cli.h - the command line: what is to be done and with which options. Reads no file, starts
 * nothing.
 */
#ifndef AGENT_CMD_CLI_H
#define AGENT_CMD_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "studio/agent.h"

enum cli_command {
    CLI_RUN,
    CLI_HELP,
    CLI_VERSION,
    CLI_CHECK,
    CLI_TOKEN,
    CLI_USER,
    CLI_RELOAD,
    CLI_STORE,
    CLI_REPUBLISH,
    CLI_HANDOVER,
    CLI_BACKUP,
    CLI_DOCTOR,
    CLI_SUPPORT,
    CLI_SETUP,
    CLI_COMMAND_COUNT
};

struct cli_setting {
    char *name; /* section.key; owned */
    const char *value;
};

enum { CLI_WORDS_MAX = 4 };

/* Strings point into argv unless said otherwise. */
struct cli {
    enum cli_command command;
    const char *file;                 /* -c; NULL if not given */
    const char *role;                 /* --role, --expires and --tables of `token new`; NULL if */
    const char *expires, *tables;     /*   not given */
    const char *log_file;             /* --log of `support`; NULL if not given */
    const char *mosquitto;            /* --mosquitto of `setup`; NULL if not given */
    bool json;                        /* --json of `doctor` */
    const char *topic;                /* of --help; NULL if not given */
    bool password, certificate;       /* --password of `token new`, --certificate of `token` */
    const char *words[CLI_WORDS_MAX]; /* what follows the command: `new`, `ARO-001_*` */
    size_t word_count;
    struct cli_setting *settings; /* options in the order given; owned */
    size_t setting_count;
};

/* Errors: USAGE, with the nearest known flag or command in `error`; NO_MEMORY. Call cli_finish in
 * either case. */
STUDIO_MUST_USE enum studio_err cli_parse(struct cli *cli, int argc, const char *const *argv,
                                          struct studio_error *error);
void cli_finish(struct cli *cli);

/* `studio-agent: TEXT` on standard error, as errors of the journal if it is that; of one line or more. */
void cli_complain(const char *text);

/* The configuration of this command line: file, environment (NAME=value, ended by NULL), flags. To run
 * the agent all of it counts, for `doctor` it is checked as a whole, too; another command takes from the environment only
 * what it has flags for (`store` and `backup` also where the store is), and a wrong value of anything else in the file is a warning to it. `config` is initialised. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err cli_configure(const struct cli *cli, const char *const *variables,
                                              struct studio_agent_config *config,
                                              struct studio_error *error);

#endif
