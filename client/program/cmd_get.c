/* studio-client get [TABLE]: the status document, one line of JSON. */
#include <stdlib.h>

#include "program.h"
#include "shown.h"

int cmd_get(struct program *program)
{
    struct studio_error error;
    char *document;
    int exit_code;
    struct studio_client *client = program_connect(program, &exit_code);

    if (client == NULL)
        return exit_code;
    const char *table_id = program->args.count > 0 ? program->args.rest[0] : program->table_id;
    if (program_status(program, client, table_id, &document, &error) == STUDIO_OK) {
        shown_puts(document);
        free(document);
    } else {
        exit_code = program_fail(&error);
    }
    studio_client_close(client);
    return exit_code;
}
