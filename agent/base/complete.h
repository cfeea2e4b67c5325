/* complete.h - a script that completes a program's command line in bash, on a stream. It needs nothing
 * but bash. In this order: begin, every flag that has a value, commands, for each command its words,
 * end. Any thread. */
#ifndef AGENT_BASE_COMPLETE_H
#define AGENT_BASE_COMPLETE_H

#include <stdio.h>

void complete_begin(FILE *out, const char *program);

/* What may follow `word` (a flag, or what stands before a '='): "FILE", "DIR", the one or other of
 * "error|warn|info"; anything else is not known here. */
void complete_value(FILE *out, const char *word, const char *value);

/* The words that are commands: "check|token". */
void complete_commands(FILE *out, const char *names);

/* What may follow this command; "": what may stand before or without one. */
void complete_command(FILE *out, const char *name);
void complete_word(FILE *out, const char *word);
void complete_command_end(FILE *out);

void complete_end(FILE *out, const char *program);

#endif
