#include "cmd/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/copy.h"
#include "config/config.h"
#include "store/tools.h"
#include "store/verify.h"

/* What is to be done, and on what. */
struct request {
    const char *dir;
    int copy;         /* of an agent's store; -1: none runs there */
    const char *file; /* the record of `verify` */
    FILE *record;
    long long record_bytes; /* of it, when it was opened */
};

static enum studio_err check(const struct request *r, struct studio_error *error)
{
    return store_check(r->dir, r->copy, stdout, error);
}

static enum studio_err verify(const struct request *r, struct studio_error *error)
{
    return store_verify(r->dir, r->copy, r->record, r->record_bytes, stdout, error);
}

static enum studio_err export_lines(const struct request *r, struct studio_error *error)
{
    return store_export(r->dir, r->copy, stdout, error);
}

static enum studio_err import_lines(const struct request *r, struct studio_error *error)
{
    return store_import(r->dir, stdin, error);
}

static enum studio_err restored(const struct request *r, struct studio_error *error)
{
    char epoch[STORE_EPOCH_LEN + 1];
    enum studio_err err = store_restored(r->dir, epoch, error);

    if (err == STUDIO_OK)
        printf("the store in %s has the new epoch %s; start the agent\n", r->dir, epoch);
    return err;
}

static const struct action {
    const char *name;
    size_t words; /* itself included */
    bool reads;   /* only: beside an agent it reads a copy */
    enum studio_err (*run)(const struct request *r, struct studio_error *error);
} actions[] = {
    {"check", 1, true, check},         {"verify", 2, true, verify},
    {"export", 1, true, export_lines}, {"import", 1, false, import_lines},
    {"restored", 1, false, restored},
};

static const struct action *find(const struct cli *cli)
{
    for (size_t i = 0; cli->word_count > 0 && i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(cli->words[0], actions[i].name) == 0)
            return cli->word_count == actions[i].words ? &actions[i] : NULL;
    return NULL;
}

/* The record as it is now: what is in it by then is in the copy that is made afterwards. */
static enum studio_err open_record(struct request *r, struct studio_error *error)
{
    struct stat about;

    r->record = fopen(r->file, "re");
    if (!r->record || fstat(fileno(r->record), &about) != 0)
        return config_fail(error, STUDIO_ERR_USAGE, "%s: %s", r->file, strerror(errno));
    r->record_bytes = S_ISREG(about.st_mode) ? (long long)about.st_size : LLONG_MAX;
    return STUDIO_OK;
}

static enum studio_err run(const struct action *action, struct request *r,
                           struct studio_error *error)
{
    enum studio_err err = r->file ? open_record(r, error) : STUDIO_OK;

    copy_as_owner(r->dir);
    if (err == STUDIO_OK && action->reads)
        err = copy_to_read(r->dir, &r->copy, error);
    if (err == STUDIO_OK)
        err = action->run(r, error);
    if (r->copy >= 0)
        close(r->copy);
    if (r->record)
        (void)fclose(r->record);
    return err;
}

int command_store(const struct cli *cli, const char *const *variables)
{
    struct studio_agent_config config;
    struct studio_error error = {.code = STUDIO_OK};
    const struct action *action = find(cli);
    struct request request = {.copy = -1};
    enum studio_err err;

    if (!action) {
        cli_complain("store needs one of check, verify FILE, export, import, restored: "
                     "studio-agent store check --data DIR");
        return STUDIO_EXIT_USAGE;
    }
    config_init(&config);
    err = cli_configure(cli, variables, &config, &error);
    request.dir = config.data;
    request.file = action->words > 1 ? cli->words[1] : NULL;
    if (err == STUDIO_OK)
        err = run(action, &request, &error);
    if (err != STUDIO_OK)
        cli_complain(error.text);
    config_finish(&config);
    return studio_agent_exit_code(err);
}
