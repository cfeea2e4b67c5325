/* studio-client: arguments, the command they ask for, and nothing else. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "program.h"
#include "studio/status.h"
#include "studio/version.h"
#include "usage.h"

/* `sdp=up` and `sdp up` are `set sdp=up`, as in the prompt. */
static bool is_field(const char *word)
{
    return strchr(word, '=') != NULL || studio_field_find(word, strlen(word)) != NULL;
}

/* Cuts a user id at its first `_`, in `space`. */
static void split_id(char space[STUDIO_USER_ID_MAX + 1], const char *id, const char **table,
                     const char **device)
{
    snprintf(space, STUDIO_USER_ID_MAX + 1, "%s", id);
    char *under = strchr(space, '_');
    if (under != NULL)
        *under = '\0';
    *table = space;
    *device = under != NULL ? under + 1 : "";
}

static struct studio_client_options options_of(const struct args *args, const char *token)
{
    return (struct studio_client_options){
        .server_url = args->url != NULL ? args->url : "ws://localhost:8080",
        .table_id = args->table != NULL ? args->table : "ARO-001",
        .device_name = args->device != NULL ? args->device : "dealerPC",
        .token = token,
        .ca_file = args->ca_file,
        .cert_file = args->cert_file,
        .key_file = args->key_file,
        .service_values = args->service_values,
        .device_values = args->device_values,
        .timeout_ms = args->timeout_ms,
        .no_reconnect = true,
    };
}

/* Text is UTF-8 whatever the environment says, else a container without LANG loses letters. */
static void use_utf8(void)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

int main(int argc, char **argv)
{
    struct program program = {.lists = studio_built_in_values};
    char id[STUDIO_USER_ID_MAX + 1];
    struct studio_error error;
    char token[PROGRAM_TOKEN_MAX + 1];

    use_utf8();
    if (args_parse(argc, argv, &program.args, &error) != STUDIO_OK)
        return program_fail(&error);
    if (strcmp(program.args.command, "help") == 0 || strcmp(program.args.command, "?") == 0)
        program.args.help = true;
    if (program.args.help || program.args.version) {
        if (program.args.help)
            usage_print(stdout, program.args.command);
        else
            puts("studio-client " STUDIO_VERSION);
        return fflush(stdout) == 0 ? EXIT_CONFIRMED : EXIT_REFUSED;
    }
    if (is_field(program.args.command)) {
        program.args.rest--; /* the word itself is the first of them */
        program.args.count++;
        program.args.command = "set";
    }
    const struct command *command = command_find(program.args.command);
    if (command == NULL)
        return command_unknown(program.args.command);
    if (program.args.count < command->at_least || program.args.count > command->at_most) {
        fprintf(stderr, "usage: studio-client [OPTION...] %s %s\n", command->name,
                command->arguments);
        return EXIT_USAGE;
    }
    if (studio_values_add(&program.lists, program.args.service_values, program.args.device_values,
                          &error) != STUDIO_OK ||
        program_token(&program.args, token, &error) != STUDIO_OK)
        return program_fail(&error);
    program.options = options_of(&program.args, token);
    if (program.args.id != NULL)
        split_id(id, program.args.id, &program.options.table_id, &program.options.device_name);
    program.table_id = program.args.table != NULL ? program.args.table : program.options.table_id;
    if (!command->any_table && strcmp(program.table_id, program.options.table_id) != 0) {
        program_say("%s is about the table of the user id, %s, not %s", command->name,
                    program.options.table_id, program.table_id);
        return EXIT_USAGE;
    }
    int exit_code = command->run(&program);
    explicit_bzero(token, sizeof(token));
    if (fflush(stdout) != 0 && exit_code == EXIT_CONFIRMED) {
        perror("studio-client: standard output");
        exit_code = EXIT_REFUSED;
    }
    return exit_code;
}
