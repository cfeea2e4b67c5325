/* shown.h - what others wrote, on its way to a terminal or a pipe. Any thread. */
#ifndef CLIENT_PROGRAM_SHOWN_H
#define CLIENT_PROGRAM_SHOWN_H

#include <stdbool.h>

/*
 * Makes one line of `text`, in place: ends of lines and tabs become blanks. For a terminal every byte
 * that could be a command to it becomes '?': control characters, also those of two bytes, marks that
 * turn the direction of writing, and what is not UTF-8. A pipe gets these as they came.
 */
void shown_line(char *text, bool terminal);

/* The line on standard output. */
void shown_puts(char *text);

#endif
