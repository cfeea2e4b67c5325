/* studio-client history [TABLE]: what has happened to a table, a line of JSON for each event. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "shown.h"

static bool show(void *ctx, const struct studio_client_event *event)
{
    char *line = strdup(event->json);

    (void)ctx;
    if (line == NULL)
        return false;
    shown_puts(line);
    free(line);
    return ferror(stdout) == 0;
}

int cmd_history(struct program *program)
{
    const struct args *args = &program->args;
    const struct studio_client_history_query query = {
        .table_id = args->count > 0 ? args->rest[0] : program->table_id,
        .from_rev = args->from_rev,
        .to_rev = args->to_rev,
        .since = args->since,
        .until = args->until,
        .kinds = args->kinds,
        .newest_first = args->newest_first,
        .limit = args->limit,
    };
    struct studio_error error;

    if (studio_client_history(&program->options, &query, show, NULL, &error) != STUDIO_OK)
        return program_fail(&error);
    return EXIT_CONFIRMED;
}
