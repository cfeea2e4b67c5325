#include "support/corefile.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/deadline.h"

enum {
    CHUNK = 1 << 16,
    LARGEST = 1 << 30, /* bytes; a larger mapping is a sanitizer's */
    ANON_PRIVATE = 1,
    ANON_SHARED = 2,
    MAPPED_PRIVATE = 4,
    MAPPED_SHARED = 8
};

/* A mapping, as /proc/PID/smaps has it. */
struct mapping {
    unsigned long from, to;
    bool readable, file;
    long resident_kb, anonymous_kb; /* swapped out counts, too */
};

static FILE *open_of(pid_t pid, const char *name)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    f = fopen(path, "re");
    if (!f)
        test_fail("%s cannot be read", path);
    return f;
}

unsigned corefile_filter(pid_t pid)
{
    FILE *f = open_of(pid, "coredump_filter");
    unsigned filter = 0;

    if (fscanf(f, "%x", &filter) != 1)
        test_fail("no filter of core files");
    fclose(f);
    return filter;
}

/* One line of it; true with the last of a mapping, `flags`. */
static bool read_line(const char *line, struct mapping *m, char flags[256])
{
    char mode[8];
    unsigned long from, to, inode;
    long kb;

    if (sscanf(line, "%lx-%lx %7s %*x %*s %lu", &from, &to, mode, &inode) == 4)
        *m = (struct mapping){
            .from = from, .to = to, .readable = mode[0] == 'r', .file = inode != 0};
    else if (sscanf(line, "Rss: %ld", &kb) == 1)
        m->resident_kb += kb;
    else if (sscanf(line, "Anonymous: %ld", &kb) == 1)
        m->anonymous_kb += kb;
    else if (sscanf(line, "Swap: %ld", &kb) == 1) {
        m->resident_kb += kb;
        m->anonymous_kb += kb;
    }
    return sscanf(line, "VmFlags:%255[^\n]", flags) == 1;
}

static bool is_in_core(const struct mapping *m, const char *flags, unsigned filter)
{
    if (!m->readable || m->to - m->from > LARGEST || m->resident_kb == 0 || strstr(flags, " dd") ||
        strstr(flags, " io"))
        return false;
    if (strstr(flags, " sh"))
        return (filter & (m->file ? MAPPED_SHARED : ANON_SHARED)) != 0;
    if (m->file && m->anonymous_kb == 0)
        return (filter & MAPPED_PRIVATE) != 0;
    return (filter & ANON_PRIVATE) != 0;
}

static bool has(int mem, const struct mapping *m, const void *bytes, size_t len)
{
    static char chunk[CHUNK];

    for (unsigned long at = m->from; at < m->to; at += CHUNK - len) {
        size_t want = m->to - at < CHUNK ? m->to - at : CHUNK;
        ssize_t n = pread(mem, chunk, want, (off_t)at);

        if (n > 0 && memmem(chunk, (size_t)n, bytes, len) != NULL)
            return true;
    }
    return false;
}

bool corefile_has(pid_t pid, unsigned filter, const void *bytes, size_t len)
{
    char line[4096], flags[256];
    struct mapping m = {.from = 0};
    FILE *maps = open_of(pid, "smaps");
    FILE *mem = open_of(pid, "mem");
    bool found = false;

    kill(pid, SIGSTOP);
    while (!found && fgets(line, sizeof(line), maps))
        if (read_line(line, &m, flags) && is_in_core(&m, flags, filter))
            found = has(fileno(mem), &m, bytes, len);
    kill(pid, SIGCONT);
    fclose(maps);
    fclose(mem);
    return found;
}
