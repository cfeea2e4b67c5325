#include "cmd/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/copy.h"
#include "config/config.h"
#include "store/transfer.h"
#include "store/verify.h"

/* What is to be done, and on what. */
struct request {
    struct store_place place;
    const char *file; /* the record of `verify` */
    FILE *record;
    long long record_bytes; /* of it, when it was opened */
};

/* On a terminal, a line that is written over itself, and gone at the end. */
static void show(uint64_t done, uint64_t total)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (done < total)
        fprintf(stderr, "\r%llu of %llu events ", (unsigned long long)done,
                (unsigned long long)total);
    else
        fputs("\r\033[K", stderr);
}

static enum studio_err check(const struct request *r, struct studio_error *error)
{
    return store_check(&r->place, stdout, error);
}

static enum studio_err verify(const struct request *r, struct studio_error *error)
{
    if (r->place.url)
        return config_fail(
            error, STUDIO_ERR_USAGE,
            "store verify looks into a store in a directory: `store export` this one "
            "from its database, `store import` that into an empty directory with "
            "--data, and verify there");
    return store_verify(r->place.dir, r->place.copy, r->record, r->record_bytes, stdout, error);
}

static enum studio_err export_lines(const struct request *r, struct studio_error *error)
{
    return store_export(&r->place, stdout, show, error);
}

static enum studio_err import_lines(const struct request *r, struct studio_error *error)
{
    return store_import(&r->place, stdin, show, error);
}

static enum studio_err restored(const struct request *r, struct studio_error *error)
{
    char epoch[STORE_EPOCH_LEN + 1];
    enum studio_err err = store_restored(&r->place, epoch, error);

    if (err == STUDIO_OK)
        printf("the store %s %s has the new epoch %s; start the agent\n",
               r->place.url ? "of agent" : "in", r->place.url ? r->place.agent_id : r->place.dir,
               epoch);
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

    copy_as_owner(r->place.dir);
    if (err == STUDIO_OK && action->reads && !r->place.url)
        err = copy_to_read(r->place.dir, &r->place.copy, error);
    if (err == STUDIO_OK)
        err = action->run(r, error);
    if (r->place.copy >= 0)
        close(r->place.copy);
    if (r->record)
        (void)fclose(r->record);
    return err;
}

int command_store(const struct cli *cli, const char *const *variables)
{
    struct studio_agent_config config;
    struct studio_error error = {.code = STUDIO_OK};
    const struct action *action = find(cli);
    struct request request = {.place = {.copy = -1}};
    enum studio_err err;

    if (!action) {
        cli_complain("store needs one of check, verify FILE, export, import, restored: "
                     "studio-agent store check --data DIR");
        return STUDIO_EXIT_USAGE;
    }
    config_init(&config);
    err = cli_configure(cli, variables, &config, &error);
    request.place.dir = config.data;
    request.place.url = config.store_url;
    request.place.agent_id = config.agent_id;
    request.file = action->words > 1 ? cli->words[1] : NULL;
    if (err == STUDIO_OK)
        err = run(action, &request, &error);
    if (err != STUDIO_OK)
        cli_complain(error.text);
    config_finish(&config);
    return studio_agent_exit_code(err);
}
