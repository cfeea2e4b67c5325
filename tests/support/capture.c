/* capture.c - records "<kind> <channel>\t<bytes>\n<data>\n" in one file for each program. */
#include "support/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "support/deadline.h"

static atomic_int file = -1; /* read by the MQTT clients' threads */

void capture_agent(const char *config)
{
    const char *dir = getenv("STUDIO_CAPTURE");
    if (!dir)
        return;
    if (atomic_load(&file) < 0) {
        char *path = test_printf("%s/%s", dir, program_invocation_short_name);
        int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0)
            test_fail("cannot write to %s: %s", path, strerror(errno));
        free(path);
        atomic_store(&file, fd);
    }
    capture("agent", "-", config, strlen(config));
}

static struct iovec part(const char *data, size_t len)
{
    return (struct iovec){(void *)(uintptr_t)data, len};
}

void capture(const char *kind, const char *channel, const char *data, size_t len)
{
    int fd = atomic_load(&file);
    char size[24];
    if (fd < 0)
        return;
    int digits = snprintf(size, sizeof size, "\t%zu\n", len);
    /* One call, so that the records of two threads do not mix. */
    const struct iovec parts[] = {
        part(kind, strlen(kind)),   part(" ", 1),    part(channel, strlen(channel)),
        part(size, (size_t)digits), part(data, len), part("\n", 1)};
    /* A record that is cut short is seen by its reader. */
    (void)!writev(fd, parts, sizeof parts / sizeof *parts);
}
