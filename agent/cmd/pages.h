/* pages.h - the pages of the manual, of the tables that --help is made of. */
#ifndef AGENT_CMD_PAGES_H
#define AGENT_CMD_PAGES_H

#include <stdio.h>

void manual_of_program(FILE *out); /* studio-agent(1) */
void manual_of_file(FILE *out);    /* studio-agent.ini(5) */

#endif
