/* columns.h - how many columns of a terminal a text takes, whatever the locale. Pure; any thread. */
#ifndef CLIENT_PROGRAM_COLUMNS_H
#define CLIENT_PROGRAM_COLUMNS_H

#include <stddef.h>

/* The bytes of the longest beginning of `text` (UTF-8) that fits `room` columns, with what combines with
 * its last letter; *used are the columns it takes. */
size_t columns_cut(const char *text, size_t room, size_t *used);

#endif
