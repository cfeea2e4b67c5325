/* output.h - writing to a pipe or terminal whose reader may have stopped reading, in such a way that
 * a signal still ends the program. Any thread, one at a time for each output. */
#ifndef CLIENT_PROGRAM_OUTPUT_H
#define CLIENT_PROGRAM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

struct output {
    int fd;
    int stop_fd; /* readable from the moment on that nobody waits for a reader any more */
    bool owned;  /* fd is this output's own */
};

/* Onto this open descriptor; both must stay open until output_finish. Its flags are not touched:
 * others may share them. */
void output_init(struct output *output, int fd, int stop_fd);
void output_finish(struct output *output);

/* Waits for a slow reader, but not once stop_fd is readable. False when not all was written. */
bool output_write(const struct output *output, const char *text, size_t len);

#endif
