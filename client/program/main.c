/* studio-client: arguments, the table of commands, and nothing else. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "program.h"
#include "studio/status.h"
#include "studio/version.h"

enum { MANY = 1000 };

static const struct command {
    const char *name;
    const char *arguments;
    int at_least, at_most;
    program_command_fn *run;
    const char *what;
    bool any_table; /* not only that of the user id */
} commands[] = {
    {"demo", "", 0, 0, cmd_demo, "(default) five demo actions, shown step by step", false},
    {"interactive", "", 0, 0, cmd_interactive,
     "a prompt with history and completion; reads a pipe too", false},
    {"set", "KEY=VALUE...", 1, MANY, cmd_set, "one update, applied whole or not at all", true},
    {"get", "[TABLE]", 0, 1, cmd_get, "the status document", true},
    {"status", "[TABLE]", 0, 1, cmd_get, NULL, true},
    {"custom", "JSON", 1, 1, cmd_custom, "send any JSON object, show the answer", false},
    {"watch", "[TABLE...]", 0, MANY, cmd_watch, "follow tables; lines of JSON on a pipe", true},
    {"history", "[TABLE]", 0, 1, cmd_history, "what has happened to a table, lines of JSON", true},
    {"events", "", 0, 0, cmd_events, "all that happens from now on, without a gap", true},
    {"exception", "CODE", 1, 1, cmd_exception, "report an exception", false},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(void)
{
    puts("usage: studio-client [OPTION...] [COMMAND]\n\nCommands:");
    for (size_t i = 0; i < COMMANDS; i++) {
        char head[40];
        if (commands[i].what == NULL)
            continue; /* another name */
        snprintf(head, sizeof(head), "%s %s", commands[i].name, commands[i].arguments);
        printf("  %-22s %s\n", head, commands[i].what);
    }
    puts("\nOptions:");
    args_print_options(stdout);
    puts("\n"
         "The token comes from --token, else --token-file, else the environment variable\n"
         "STUDIO_TOKEN, else it is asked for on the terminal.\n"
         "\n"
         "Examples:\n"
         "  export STUDIO_TOKEN=...        once, so that no command line shows it\n"
         "  studio-client                  see the whole conversation\n"
         "  studio-client --table ARO-002 set sdp=up roulette=down\n"
         "  studio-client sdp up roulette down      the same words as in the prompt\n"
         "  studio-client set maintenance=on\n"
         "  studio-client set shift=3 dealer='Ann B.' limits='{\"min\":5}'\n"
         "                                 custom fields: JSON if it is JSON, else text;\n"
         "                                 '\"3\"' is the text 3\n"
         "  studio-client set shift=       removes a custom field (shift='\"\"' empties it)\n"
         "  studio-client get | jq .SDP\n"
         "  studio-client watch --all      with the token of a viewer or operator\n"
         "  studio-client watch ARO-001 ARO-002 | jq -c '[.TABLE_ID,.SDP]'\n"
         "  studio-client history ARO-001 --since 2026-01-02T06:00:00Z --kinds changes,exceptions\n"
         "  studio-client events --state seen | jq -c 'select(.seq) | [.table_id,.changes]'\n"
         "                                 go on where it broke off, also after a restart\n"
         "  studio-client exception 'NO BALL DETECT'\n"
         "  printf 'sdp up\\nmaintenance off\\n' | studio-client interactive\n"
         "\n"
         "Exit codes: 0 confirmed (it is on the agent's disk), 1 refused, 2 usage,\n"
         "3 server not reachable, 4 not authenticated.");
}

/* `sdp=up` and `sdp up` are `set sdp=up`, as in the prompt. */
static bool is_field(const char *word)
{
    return strchr(word, '=') != NULL || studio_field_find(word, strlen(word)) != NULL;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMANDS];

    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    const char *near = text_nearest(name, names, COMMANDS);
    if (near == NULL && studio_field_near(name) != NULL)
        near = studio_field_near(name)->key;
    program_say("unknown command '%.80s'%s%s (--help lists them)", name,
                near != NULL ? ", did you mean " : "", near != NULL ? near : "");
    return EXIT_USAGE;
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
            print_help();
        else
            puts("studio-client " STUDIO_VERSION);
        return fflush(stdout) == 0 ? EXIT_CONFIRMED : EXIT_REFUSED;
    }
    if (is_field(program.args.command)) {
        program.args.rest--; /* the word itself is the first of them */
        program.args.count++;
        program.args.command = "set";
    }
    const struct command *command = find_command(program.args.command);
    if (command == NULL)
        return unknown_command(program.args.command);
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
