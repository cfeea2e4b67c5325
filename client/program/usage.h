/* usage.h - what the program says about itself, of the tables of commands and options. */
#ifndef CLIENT_PROGRAM_USAGE_H
#define CLIENT_PROGRAM_USAGE_H

#include <stdio.h>

/* --help. For the build: its page of the manual where `topic` is "manual", and a script that completes
 * its command line in bash where it is "completion". */
void usage_print(FILE *out, const char *topic);

#endif
