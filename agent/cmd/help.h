/* help.h - what the program says about itself. */
#ifndef AGENT_CMD_HELP_H
#define AGENT_CMD_HELP_H

#include <stdbool.h>
#include <stdio.h>

/* --help: a sentence, usage, examples, options by section. */
void help_print(FILE *out, bool colour);

/* --help options: the table of all options in Markdown, as agent/README.md has it. */
void help_print_options(FILE *out);

#endif
