#include "commands.h"

#include <string.h>

#include "base/text.h"
#include "studio/status.h"

enum { MANY = 1000 };

const struct command commands[] = {
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
const size_t command_count = COMMANDS;

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

int command_unknown(const char *name)
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
