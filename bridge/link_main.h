/*
 * link_main.h - the program a link's process runs (link_process.h has the other end).
 */
#ifndef BRIDGE_LINK_MAIN_H
#define BRIDGE_LINK_MAIN_H

#include <stdbool.h>

/* This process was started to be a link's: link_main is the first and the last thing it does. */
bool link_main_wanted(int argc, char **argv);
_Noreturn void link_main(const char *name);

#endif
