#include "net/openfiles.h"

#include <sys/resource.h>

#include "auth/admission.h"
#include "base/log.h"

enum {
    FDS_SPARE = 512, /* files, store, broker, and connections that are told to go away */
    FDS_HUGE = 65536 /* the library has tables of as many places as files may be open */
};

size_t openfiles_fit(size_t connections)
{
    const rlim_t spare = ADMISSION_OVERFLOW + FDS_SPARE;
    rlim_t want = (rlim_t)connections + spare;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return connections;
    if (limit.rlim_max < want) { /* RLIM_INFINITY is the largest number */
        struct rlimit raised = {want, want};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            return connections;
        want = limit.rlim_max;
        connections = (size_t)(want > 2 * spare ? want - spare : want / 2);
        log_info("server",
                 "%zu connections at most: only %llu open files are allowed (`ulimit -Hn`)",
                 connections, (unsigned long long)limit.rlim_max);
    }
    /* Others in this process count on what they have, but for a huge limit. */
    if (limit.rlim_cur > FDS_HUGE && want < FDS_HUGE)
        limit.rlim_cur = FDS_HUGE;
    else if (limit.rlim_cur < want || limit.rlim_cur > FDS_HUGE)
        limit.rlim_cur = want;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return connections;
}
