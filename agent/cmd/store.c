#include "cmd/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "store/tools.h"

static enum studio_err check(const char *dir, struct studio_error *error)
{
    return store_check(dir, stdout, error);
}

static enum studio_err export_lines(const char *dir, struct studio_error *error)
{
    return store_export(dir, stdout, error);
}

static enum studio_err import_lines(const char *dir, struct studio_error *error)
{
    return store_import(dir, stdin, error);
}

static enum studio_err restored(const char *dir, struct studio_error *error)
{
    char epoch[STORE_EPOCH_LEN + 1];
    enum studio_err err = store_restored(dir, epoch, error);

    if (err == STUDIO_OK)
        printf("the store in %s has the new epoch %s; start the agent\n", dir, epoch);
    return err;
}

static const struct {
    const char *name;
    enum studio_err (*run)(const char *dir, struct studio_error *error);
} actions[] = {
    {"check", check},
    {"export", export_lines},
    {"import", import_lines},
    {"restored", restored},
};

/* Root acts as the owner of the directory, so that the agent can open what is made there. */
static void act_as_owner(const char *dir)
{
    struct stat about;

    if (geteuid() == 0 && stat(dir, &about) == 0 && about.st_uid != 0 && setegid(about.st_gid) == 0)
        (void)!seteuid(about.st_uid);
}

int command_store(const struct cli *cli, const char *const *variables)
{
    struct studio_agent_config config;
    struct studio_error error = {.code = STUDIO_OK};
    enum studio_err err = STUDIO_ERR_USAGE;
    size_t i, n = sizeof(actions) / sizeof(actions[0]);

    for (i = 0; i < n; i++)
        if (cli->word_count == 1 && strcmp(cli->words[0], actions[i].name) == 0)
            break;
    if (i == n) {
        cli_complain("store needs one of check, export, import, restored: "
                     "studio-agent store check --data DIR");
        return STUDIO_EXIT_USAGE;
    }
    config_init(&config);
    err = cli_configure(cli, variables, &config, &error);
    if (err == STUDIO_OK) {
        act_as_owner(config.data);
        err = actions[i].run(config.data, &error);
    }
    if (err != STUDIO_OK)
        cli_complain(error.text);
    config_finish(&config);
    return studio_agent_exit_code(err);
}
