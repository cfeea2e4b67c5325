/* place.h - a file that remembers how far a stream has been read. */
#ifndef CLIENT_PROGRAM_PLACE_H
#define CLIENT_PROGRAM_PLACE_H

#include <stdbool.h>

enum { PLACE_MAX = 127 };

/* The id in a file; "" if there is no such file yet. False: it cannot be read, or holds none (errno 0). */
bool place_read(const char *path, char id[PLACE_MAX + 1]);
/* In place of the one before, whole or not at all. False: errno. */
bool place_write(const char *path, const char *id);

#endif
