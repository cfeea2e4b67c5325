/* studio-client set KEY=VALUE...: one update, applied whole or not at all. */
#include <stdio.h>
#include <string.h>

#include "pairs.h"
#include "program.h"

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

/* Before connecting: a typing mistake is told at once, and without a server. */
int cmd_set(struct program *program)
{
    struct pairs pairs;
    struct studio_error error;
    int exit_code;

    if (pairs_parse(&program->lists, program->args.rest, (size_t)program->args.count, &pairs,
                    &error) != STUDIO_OK ||
        (strcmp(program->table_id, program->options.table_id) != 0 &&
         pairs_add_table(&pairs, program->table_id, &error) != STUDIO_OK) ||
        program_check_names(&program->args, &pairs, &error) != STUDIO_OK)
        exit_code = program_fail(&error);
    else
        exit_code = send_pairs(program, &pairs);
    pairs_finish(&pairs);
    return exit_code;
}
