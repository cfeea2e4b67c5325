/* doctor_machine.c - the machine the agent runs on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/diagnosis.h"
#include "config/settings.h"

enum {
    OLDEST_S = 1704067200, /* 2024-01-01: no clock that is right is before it */
    SYNCS = 20,
    STEP_MS = 100, /* more than two clocks that are read one after the other differ by */
    SLOW_MS = 50,  /* of a sync: updates wait for it */
    STUCK_MS = 1000,
    LITTLE_MB = 500, /* the log of the store alone may have 64 */
    NOTHING_MB = 80
};

static int64_t wall_ahead_ms(void)
{
    return clock_wall(clock_system()) - clock_mono(clock_system());
}

void doctor_clock_again(struct diagnosis *d)
{
    const int64_t step = wall_ahead_ms() - d->clock_ms;

    if (step < -STEP_MS || step > STEP_MS)
        diagnosis_tell(d, FINDING_WARNING, "clock",
                       "let one service keep it that slews (chrony), and none of the host's beside "
                       "it; numbers order events, but their times jump",
                       "it was set by %+.1f s while doctor looked", (double)step / 1000);
}

void doctor_clock(struct diagnosis *d)
{
    struct timex clock = {.modes = 0};
    const int state = adjtimex(&clock);

    d->clock_ms = wall_ahead_ms();
    if (clock_wall(clock_system()) / 1000 < OLDEST_S)
        diagnosis_tell(d, FINDING_FAULT, "clock",
                       "set it, and have a time service keep it (chrony)",
                       "it is years behind: times in events and the expiry of tokens are wrong");
    else if (state == TIME_ERROR || (clock.status & STA_UNSYNC))
        diagnosis_tell(d, FINDING_WARNING, "clock",
                       "have a time service keep it (apt install chrony; timedatectl)",
                       "the kernel says it is not synchronised: times in events may be wrong");
    else
        diagnosis_tell(d, FINDING_OK, "clock", NULL, "synchronised, to %lld ms",
                       (long long)clock.maxerror / 1000);
}

/* What an update waits for, measured: the longest of some syncs of a page. False: it cannot be written there. */
static bool time_syncs(const char *dir, int64_t *longest_us, int64_t *usual_us)
{
    static const char page[4096];
    char path[4096];
    int64_t sum = 0;
    bool done = true;

    *longest_us = 0;
    if (snprintf(path, sizeof(path), "%s/doctor-XXXXXX", dir) >= (int)sizeof(path))
        return false;
    const int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return false;
    (void)unlink(path);
    for (int i = 0; done && i < SYNCS; i++) {
        const int64_t began = clock_mono_us(clock_system());
        done = pwrite(fd, page, sizeof(page), 0) == sizeof(page) && fdatasync(fd) == 0;
        const int64_t took = clock_mono_us(clock_system()) - began;
        sum += took;
        *longest_us = took > *longest_us ? took : *longest_us;
    }
    *usual_us = sum / SYNCS;
    close(fd);
    return done;
}

static void tell_syncs(struct diagnosis *d, const char *dir)
{
    int64_t longest, usual;

    if (!time_syncs(dir, &longest, &usual)) {
        diagnosis_tell(d, FINDING_FAULT, "disk",
                       "run doctor as the agent's user; free some space; look for a read-only disk",
                       "%s cannot be written: %s", dir, strerror(errno));
        return;
    }
    const enum finding finding = usual > STUCK_MS * 1000  ? FINDING_FAULT
                                 : usual > SLOW_MS * 1000 ? FINDING_WARNING
                                                          : FINDING_OK;
    diagnosis_tell(d, finding, "disk", "use a faster disk: every update waits for a sync",
                   "a sync takes %.1f ms, %.1f at most, of %d", (double)usual / 1000,
                   (double)longest / 1000, SYNCS);
}

void doctor_disk(struct diagnosis *d)
{
    const char *dir = d->config->data;
    struct statvfs disk;

    if (statvfs(dir, &disk) != 0) {
        if (errno == ENOENT)
            diagnosis_tell(d, FINDING_OK, "disk", NULL, "%s is not there yet; a start makes it",
                           dir);
        else
            diagnosis_tell(d, FINDING_FAULT, "disk", "run doctor as the agent's user",
                           "%s cannot be looked at: %s", dir, strerror(errno));
        return;
    }
    const unsigned long long room = (unsigned long long)disk.f_bavail * disk.f_frsize >> 20,
                             all = (unsigned long long)disk.f_blocks * disk.f_frsize >> 20;
    const enum finding finding = room < NOTHING_MB  ? FINDING_FAULT
                                 : room < LITTLE_MB ? FINDING_WARNING
                                                    : FINDING_OK;
    diagnosis_tell(d, finding, "disk",
                   "free some space, or bound the store with store.max_bytes or retention",
                   "%llu of %llu MB are free below %s", room, all, dir);
    tell_syncs(d, dir);
}

void doctor_files(struct diagnosis *d)
{
    struct rlimit limit;
    enum { REST = 800 /* of what the agent keeps for itself */ };

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    const long long most = (long long)limit.rlim_max - REST;
    diagnosis_tell(d, most < d->config->connections ? FINDING_WARNING : FINDING_OK, "open files",
                   "raise the hard limit (LimitNOFILE= of the unit, ulimit -Hn), or lower "
                   "limits.connections",
                   "%lld are allowed here, for limits.connections = %lld",
                   (long long)limit.rlim_max, (long long)d->config->connections);
}
