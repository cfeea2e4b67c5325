/* file.c - one open, one fstat, read to the end. */
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

/* Fills buffer[0..cap) as far as the file goes; the number of bytes, or -1. */
static ssize_t read_all(int fd, char *buffer, size_t cap)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t n = read(fd, buffer + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

enum studio_err file_read(const char *path, size_t max, char **text, size_t *len,
                          struct stat *about, struct studio_error *error)
{
    struct stat st;
    char *buffer = NULL;
    /* Non-blocking: a FIFO in the file's place must be refused, not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int saved = 0;
    enum studio_err err = STUDIO_ERR_USAGE;
    if (fd < 0 || fstat(fd, &st) != 0) {
        saved = errno;
        config_fail(error, err, "cannot read %s: %s", path, strerror(saved));
        goto done;
    }
    if (!S_ISREG(st.st_mode)) {
        config_fail(error, err, "cannot read %s: it is not a regular file", path);
        goto done;
    }
    if (st.st_size < 0 || (size_t)st.st_size > max) {
        config_fail(error, err, "cannot read %s: larger than %zu bytes", path, max);
        goto done;
    }
    buffer = malloc((size_t)st.st_size + 1);
    if (!buffer) {
        err = config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory reading %s", path);
        goto done;
    }
    ssize_t n = read_all(fd, buffer, (size_t)st.st_size);
    if (n < 0) {
        saved = errno;
        config_fail(error, err, "cannot read %s: %s", path, strerror(saved));
        goto done;
    }
    buffer[n] = '\0';
    *text = buffer;
    *len = (size_t)n;
    buffer = NULL;
    if (about)
        *about = st;
    err = STUDIO_OK;
done:
    free(buffer);
    if (fd >= 0)
        close(fd);
    errno = saved;
    return err;
}
