#include "net/complaint.h"

#include <string.h>

#include "base/log.h"

void complaint_log(bool error, const char *line)
{
    static _Thread_local struct log_limit limit; /* the library's log is the process's */
    int len = (int)strcspn(line, "\n");

    log_limited(&limit, error ? LOG_ERROR : LOG_WARN, "lws", "%.*s", len, line);
}
