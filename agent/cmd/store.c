#include "cmd/store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/copy.h"
#include "config/config.h"
#include "store/tools.h"

static enum studio_err check(const char *dir, int copy, struct studio_error *error)
{
    return store_check(dir, copy, stdout, error);
}

static enum studio_err export_lines(const char *dir, int copy, struct studio_error *error)
{
    return store_export(dir, copy, stdout, error);
}

static enum studio_err import_lines(const char *dir, int copy, struct studio_error *error)
{
    (void)copy;
    return store_import(dir, stdin, error);
}

static enum studio_err restored(const char *dir, int copy, struct studio_error *error)
{
    char epoch[STORE_EPOCH_LEN + 1];
    (void)copy;
    enum studio_err err = store_restored(dir, epoch, error);

    if (err == STUDIO_OK)
        printf("the store in %s has the new epoch %s; start the agent\n", dir, epoch);
    return err;
}

static const struct {
    const char *name;
    bool reads; /* only: beside an agent it reads a copy */
    enum studio_err (*run)(const char *dir, int copy, struct studio_error *error);
} actions[] = {
    {"check", true, check},
    {"export", true, export_lines},
    {"import", false, import_lines},
    {"restored", false, restored},
};

static enum studio_err run(size_t action, const char *dir, struct studio_error *error)
{
    int copy = -1;
    enum studio_err err = STUDIO_OK;

    copy_as_owner(dir);
    if (actions[action].reads)
        err = copy_to_read(dir, &copy, error);
    if (err == STUDIO_OK)
        err = actions[action].run(dir, copy, error);
    if (copy >= 0)
        close(copy);
    return err;
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
    if (err == STUDIO_OK)
        err = run(i, config.data, &error);
    if (err != STUDIO_OK)
        cli_complain(error.text);
    config_finish(&config);
    return studio_agent_exit_code(err);
}
