#include "net/complaint.h"

#include <string.h>
#include <time.h>

#include "base/log.h"

/* Without a file descriptor for it a connection goes on waiting, and the library would try again at
 * once and for ever: a pause leaves the processor to the others. */
static void pause_accepting(const char *line)
{
    static const char failed[] = "accept: errno";
    static const struct timespec pause = {.tv_nsec = 5000000};

    if (strncmp(line, failed, sizeof(failed) - 1) == 0)
        nanosleep(&pause, NULL);
}

void complaint_log(bool error, const char *line)
{
    static _Thread_local struct log_limit limit; /* the library's log is the process's */
    int len = (int)strcspn(line, "\n");

    pause_accepting(line);
    log_limited(&limit, error ? LOG_ERROR : LOG_WARN, "lws", "%.*s", len, line);
}
