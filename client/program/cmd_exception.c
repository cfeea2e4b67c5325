/* studio-client exception CODE: report an exception of the table. */
#include <stdio.h>

#include "program.h"

int cmd_exception(struct program *program)
{
    struct studio_error error;
    int exit_code;
    struct studio_client *client = program_connect(program, &exit_code);

    if (client == NULL)
        return exit_code;
    if (studio_client_exception(client, program->args.rest[0], &error) == STUDIO_OK)
        puts("received");
    else
        exit_code = program_fail(&error);
    studio_client_close(client);
    return exit_code;
}
