/* store.c - open: lock, name, take; and close. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/text.h"
#include "store/lock.h"
#include "store/postgres/private.h"

enum { OWNER_BYTES = 8, OWNER_LEN = 2 * OWNER_BYTES, PLACE_MAX = 128, TABLES_PAGE = 256 };

#define OWNER_FILE                                                                                 \
    "owner" /* in the data directory: which one this is, whatever its machine is called, and where it was made */

/* --- who this is ----------------------------------------------------------------------------- */

/* Where the file is: a copy of it is another place's, on this machine or another. */
static void tell_place(int fd, char place[PLACE_MAX])
{
    char machine[PLACE_MAX / 2] = "";
    struct stat file = {.st_ino = 0};
    int id = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
    ssize_t len = id >= 0 ? read(id, machine, sizeof machine - 1) : -1;
    machine[len > 0 ? strcspn(machine, "\n") : 0] = '\0';
    if (id >= 0)
        close(id);
    (void)fstat(fd, &file);
    (void)snprintf(place, PLACE_MAX, " %s %" PRIuMAX "\n", machine, (uintmax_t)file.st_ino);
}

/* Makes the file if there is none, none that was written whole, or one that was copied here. False with errno set. */
static bool owner_id(const char *path, char id[OWNER_LEN + 1])
{
    unsigned char random[OWNER_BYTES];
    char place[PLACE_MAX], text[OWNER_LEN + PLACE_MAX + 1] = "";
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd < 0)
        return false;
    text[len > 0 ? len : 0] = '\0';
    tell_place(fd, place);
    bool there = strspn(text, "0123456789abcdef") == OWNER_LEN && !strcmp(text + OWNER_LEN, place);
    bool ok = there || getrandom(random, sizeof random, 0) == (ssize_t)sizeof random;
    if (ok && !there) {
        text_hex(random, sizeof random, id);
        len = snprintf(text, sizeof text, "%.*s%s", OWNER_LEN, id, place);
        ok = ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) == len && fsync(fd) == 0;
    }
    memcpy(id, text, OWNER_LEN);
    id[OWNER_LEN] = '\0';
    close(fd);
    return ok;
}

static enum studio_err name_owner(struct postgres_store *store, const struct store_options *options,
                                  struct studio_error *error)
{
    char id[OWNER_LEN + 1];
    char *path = lock_path(options->dir, OWNER_FILE);
    enum studio_err err = STUDIO_OK;
    if (!path)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    if (!owner_id(path, id))
        err =
            studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                             ": %s cannot be written; give this user write permission there", path);
    else if (asprintf(&store->owner, "%.*s (%s)", STORE_OWNER_MAX - 3 - (int)strlen(id),
                      options->host_name, id) < 0) {
        store->owner = NULL;
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    }
    free(path);
    if (err == STUDIO_OK)
        (void)snprintf(store->base.info.owner, sizeof store->base.info.owner, "%s", store->owner);
    return err;
}

/* --- open and close -------------------------------------------------------------------------- */

/* Without a broker nobody waits for what is there; mirroring begins with the next event. */
static enum studio_err count_boot(struct postgres_store *store, struct studio_error *error)
{
    struct numbers numbers = numbers_now(store);
    if (!store->mirror)
        numbers.acked = numbers.last_seq;
    enum studio_err err = transact_begin(store, &numbers);
    if (err == STUDIO_OK)
        err = transact_end(store, "a start", NULL);
    return err == STUDIO_OK ? err : postgres_refuse(error, &store->link);
}

/* Who waits anyway tries again where the database went away just then. */
static enum studio_err take(struct postgres_store *store, const struct store_options *options,
                            struct studio_error *error)
{
    for (;;) {
        const enum studio_err err = succession_take(store, options, error);
        if (err != STUDIO_OK || count_boot(store, error) == STUDIO_OK)
            return err;
        if (!options->held || !options->held(options->held_ctx, NULL, error->text))
            return error->code;
        link_close(&store->link);
    }
}

static enum studio_err open_database(struct postgres_store *store,
                                     const struct store_options *options,
                                     struct studio_error *error)
{
    enum studio_err err = lock_take(options->dir, &store->lock_fd, error);
    if (err == STUDIO_OK)
        err = name_owner(store, options, error);
    if (err == STUDIO_OK)
        err = take(store, options, error);
    if (err == STUDIO_OK) /* the agent goes on without it */
        store->surveyed = survey_ask(&store->link, PG_SURVEY, &store->survey) == LINK_OK;
    return err;
}

enum studio_err postgres_open(const struct store_options *options, struct store **out,
                              struct studio_error *error)
{
    const char *agent_id = options->agent_id ? options->agent_id : options->host_name;
    struct postgres_store *store = calloc(1, sizeof *store);
    if (!store)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    store->lock_fd = -1;
    store->hour_began = -1;
    store->forgot_hour = -1;
    store->retention_events = options->retention_events;
    store->retention_days = options->retention_days;
    store->max_bytes = options->max_bytes;
    store->mirror = options->mirror;
    store->former = options->former;
    (void)snprintf(store->base.info.agent_id, sizeof store->base.info.agent_id, "%s", agent_id);
    store->url = secret_dup(options->url, strlen(options->url));
    enum studio_err err = store->url ? open_database(store, options, error)
                                     : studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    if (err == STUDIO_OK)
        *out = &store->base;
    else
        postgres_close(&store->base);
    return err;
}

void postgres_close(struct store *base)
{
    struct postgres_store *store = as_postgres(base);
    if (!store->failed && !store->doubt && !store->left && store->base.info.boot > 0)
        owner_release(store);
    link_close(&store->link);
    lock_release(store->lock_fd);
    free(store->owner);
    secret_free(store->url);
    free(store);
}

bool postgres_slow(const struct store *base)
{
    const struct postgres_store *store = as_const_postgres(base);
    return store->commit_ms >= STORE_SLOW_MS || !link_is_open(&store->link);
}

/* --- tables ---------------------------------------------------------------------------------- */

/* A page of them, behind `after`, which becomes the last. */
static enum studio_err tables_page(struct postgres_store *store, char after[72],
                                   store_table_fn *row, void *ctx, bool *more)
{
    PGresult *rows;
    struct args args = args_begin(store->base.info.agent_id);
    args_str(&args, after);
    args_i64(&args, TABLES_PAGE);
    enum link_result result = link_query(&store->link, PG_TABLES, &args, &rows);
    enum studio_err err = transact_fail(store, result, "reading the tables");
    int count = err == STUDIO_OK ? PQntuples(rows) : 0;
    *more = count == TABLES_PAGE;
    for (int i = 0; err == STUDIO_OK && i < count; i++) {
        size_t id_len, len;
        const char *id = row_text(rows, i, 0, &id_len);
        const char *document = row_text(rows, i, 2, &len);
        if (!row(ctx, id, (uint64_t)row_i64(rows, i, 1), document, len))
            err = STUDIO_ERR_NO_MEMORY;
        (void)snprintf(after, 72, "%s", id);
    }
    PQclear(rows);
    return err;
}

enum studio_err postgres_tables(struct store *base, store_table_fn *row, void *ctx)
{
    struct postgres_store *store = as_postgres(base);
    char after[72] = "";
    bool more = true;
    enum studio_err err = owner_resume(store);
    while (err == STUDIO_OK && more) {
        err = tables_page(store, after, row, ctx, &more);
        if (err == STUDIO_OK) /* there may be many */
            err = transact_renew(store);
    }
    return err;
}
