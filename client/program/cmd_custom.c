/* studio-client custom JSON: any object, as it stands; shows the answer. */
#include <stdlib.h>

#include "program.h"
#include "shown.h"

int cmd_custom(struct program *program)
{
    struct studio_error error;
    char *answer;
    int exit_code;
    struct studio_client *client = program_connect(program, &exit_code);

    if (client == NULL)
        return exit_code;
    if (studio_client_send_json(client, program->args.rest[0], &answer, &error) != STUDIO_OK)
        exit_code = program_fail(&error);
    else if (answer != NULL)
        shown_puts(answer);
    free(answer);
    studio_client_close(client);
    return exit_code;
}
