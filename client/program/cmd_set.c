/* studio-client set KEY=VALUE...: one update, applied whole or not at all. */
#include <stdio.h>
#include <stdlib.h>

#include "client/client_update.h"
#include "program.h"

enum { FIELDS_MAX = STUDIO_FIELDS_MAX + STUDIO_CUSTOM_FIELDS_MAX + 1 };

struct pairs {
    char *names[FIELDS_MAX], *values[FIELDS_MAX];
    struct studio_client_field fields[FIELDS_MAX];
    size_t count;
};

static enum studio_err parse_pairs(const struct args *args, struct pairs *out,
                                   struct studio_error *error)
{
    if (args->count > FIELDS_MAX)
        return studio_error_set(error, STUDIO_ERR_USAGE, ": at most %d fields fit one update",
                                FIELDS_MAX);
    for (int i = 0; i < args->count; i++) {
        size_t at = out->count++;
        enum studio_err err =
            update_parse_pair(args->rest[i], &out->names[at], &out->values[at], error);
        if (err != STUDIO_OK)
            return err;
        out->fields[at] =
            (struct studio_client_field){.name = out->names[at], .value = out->values[at]};
    }
    return STUDIO_OK;
}

/* Before connecting: a typing mistake is told at once, and without a server. */
static enum studio_err check_pairs(const struct studio_values *lists, const struct pairs *pairs,
                                   struct studio_error *error)
{
    struct buf b;

    buf_init(&b, STUDIO_MESSAGE_MAX);
    enum studio_err err = update_print(&b, lists, pairs->fields, pairs->count, error);
    buf_finish(&b);
    return err;
}

static int send_pairs(const struct program *program, const struct pairs *pairs)
{
    struct studio_error error;
    int exit_code;
    struct studio_client *client = program_connect(program, &exit_code);

    if (client == NULL)
        return exit_code;
    if (studio_client_update(client, pairs->fields, pairs->count, &error) == STUDIO_OK)
        puts("updated");
    else
        exit_code = program_fail(&error);
    studio_client_close(client);
    return exit_code;
}

int cmd_set(struct program *program)
{
    struct pairs pairs = {.count = 0};
    struct studio_error error;
    int exit_code;

    if (parse_pairs(&program->args, &pairs, &error) != STUDIO_OK ||
        check_pairs(&program->lists, &pairs, &error) != STUDIO_OK)
        exit_code = program_fail(&error);
    else
        exit_code = send_pairs(program, &pairs);
    for (size_t i = 0; i < pairs.count; i++) {
        free(pairs.names[i]);
        free(pairs.values[i]);
    }
    return exit_code;
}
