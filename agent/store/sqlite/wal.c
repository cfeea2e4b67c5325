/*
 * wal.c - is the write-ahead log damaged where nobody would notice?
 *
 * SQLite reads its log up to the first frame that does not fit and takes the rest for what a power cut
 * left of the transaction then under way. After damage in the middle that rest is transactions that
 * were synced and acknowledged: they would be gone without a word, and their numbers used again.
 *
 *     header  32 bytes: magic, format, page size, checkpoints, salt 1, salt 2, checksum 1, checksum 2
 *     frame   24 bytes: page, size of the file after a commit or 0, salts, checksums; then the page
 *
 * Numbers are big-endian. A frame's checksum goes on from that of the frame before it, as it stands
 * there: so a frame behind a damaged one can still be told from garbage. A power cut leaves at most one
 * unfinished transaction, because each is synced before the next begins. Hence what is damage:
 *
 *     - a whole transaction behind the first frame that does not fit, and another frame behind that;
 *     - a header that does not fit, and a last transaction behind it that the database file does not
 *       have. (It has it when the power went while a log already taken over was begun anew.)
 *
 * Damage in the last two transactions looks like a power cut and is not found.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/private.h"

enum { HEADER = 32, FRAME = 24, FORMAT = 3007000, PAGE_MIN = 512, PAGE_MAX = 65536 };

static const uint32_t magic = 0x377f0682; /* the lowest bit: checksums over big-endian words */

struct sum {
    uint32_t a, b;
};

struct wal {
    int fd, db_fd; /* -1: not open */
    uint32_t page_size;
    bool big_endian;        /* words of the checksums */
    unsigned char *frame;   /* the one read last */
    unsigned char *page;    /* of the database */
    unsigned char salts[8]; /* all frames of one log have the same */
    struct sum sum;         /* of the frame before, as it stands there */
    int error;              /* errno of a read that failed */
};

/* -1 with errno. */
static int open_log(const char *path, int flags)
{
    char *wal = NULL;
    if (asprintf(&wal, "%s-wal", path) < 0) {
        errno = ENOMEM;
        return -1;
    }
    int fd = open(wal, flags | O_CLOEXEC);
    int saved = errno;
    free(wal);
    errno = saved;
    return fd;
}

static enum studio_err refuse(struct studio_error *error, const char *path, const char *what,
                              int cause)
{
    if (cause == ENOMEM)
        return sql_refuse(error, path, SQLITE_NOMEM, NULL);
    return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                            ": %s-wal cannot be %s: %s; check the disk and the permissions", path,
                            what, strerror(cause));
}

static uint32_t number(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t word(const struct wal *log, const unsigned char *at)
{
    if (log->big_endian)
        return number(at);
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static struct sum sum_over(const struct wal *log, struct sum sum, const unsigned char *bytes,
                           size_t len)
{
    for (size_t i = 0; i + 8 <= len; i += 8) {
        sum.a += word(log, bytes + i) + sum.b;
        sum.b += word(log, bytes + i + 4) + sum.a;
    }
    return sum;
}

static struct sum sum_at(const unsigned char *at)
{
    return (struct sum){number(at), number(at + 4)};
}

static bool same(struct sum x, struct sum y)
{
    return x.a == y.a && x.b == y.b;
}

/* All of it; false at the end of the file or after an error. */
static bool read_at(struct wal *log, int fd, void *to, size_t len, uint64_t offset)
{
    ssize_t n = pread(fd, to, len, (off_t)offset);
    if (n < 0)
        log->error = errno;
    return n == (ssize_t)len;
}

/* --- header and frames ----------------------------------------------------------------------- */

static bool usable_page_size(uint32_t size)
{
    return size >= PAGE_MIN && size <= PAGE_MAX && (size & (size - 1)) == 0;
}

/* The header as it is; true if it fits. */
static bool read_header(struct wal *log)
{
    unsigned char header[HEADER] = {0};
    uint32_t one = 1;
    if (!read_at(log, log->fd, header, sizeof header, 0))
        return false;
    memcpy(log->salts, header + 16, sizeof log->salts);
    log->sum = sum_at(header + 24);
    bool known = (number(header) & ~1u) == magic;
    /* SQLite writes the checksums its machine is quickest with. */
    log->big_endian = known ? number(header) & 1 : *(unsigned char *)&one == 0;
    return known && number(header + 4) == FORMAT && number(header + 8) == log->page_size &&
           same(sum_over(log, (struct sum){0, 0}, header, 24), log->sum);
}

static uint64_t frame_at(const struct wal *log, uint64_t i)
{
    return HEADER + (i - 1) * (FRAME + (uint64_t)log->page_size);
}

/* Reads frame `i`, from 1 on, behind frame i - 1. False at the end. */
static bool read_frame(struct wal *log, uint64_t i)
{
    return read_at(log, log->fd, log->frame, FRAME + log->page_size, frame_at(log, i));
}

/* Does the frame read last follow the one before it? From now on it is the one before. */
static bool follows(struct wal *log, const unsigned char salts[8])
{
    struct sum sum = sum_over(log, log->sum, log->frame, 8);
    sum = sum_over(log, sum, log->frame + FRAME, log->page_size);
    log->sum = sum_at(log->frame + 16);
    return number(log->frame) != 0 && memcmp(log->frame + 8, salts, 8) == 0 && same(sum, log->sum);
}

static bool commits(const struct wal *log)
{
    return number(log->frame + 4) != 0;
}

/* --- what is damage -------------------------------------------------------------------------- */

/* The header fits. */
static void look_behind(struct wal *log, struct wal_damage *out)
{
    bool whole = false; /* a whole transaction stands behind the frame that does not fit */
    for (uint64_t i = 1; read_frame(log, i); i++) {
        bool fits = follows(log, log->salts);
        if (!out->frame && !fits)
            out->frame = i;
        else if (out->frame && fits && whole)
            out->found = true;
        else if (out->frame)
            whole = fits && commits(log);
        out->lost += out->frame && fits && commits(log);
    }
}

/* Has a frame between `i` and `last` a newer state of the same page as frame `i`? */
static bool replaced(struct wal *log, uint64_t i, uint64_t last)
{
    unsigned char page[4], later[4];
    bool found = false;
    if (!read_at(log, log->fd, page, sizeof page, frame_at(log, i)))
        return false;
    while (!found && ++i <= last)
        found = read_at(log, log->fd, later, sizeof later, frame_at(log, i)) &&
                memcmp(page, later, sizeof page) == 0;
    return found;
}

static bool in_database(struct wal *log, uint64_t i)
{
    if (!read_frame(log, i))
        return true;
    uint64_t offset = ((uint64_t)number(log->frame) - 1) * log->page_size;
    return read_at(log, log->db_fd, log->page, log->page_size, offset) &&
           memcmp(log->page, log->frame + FRAME, log->page_size) == 0;
}

/* The header does not fit: the first frames that follow each other are its log. */
static void look_without_header(struct wal *log, struct wal_damage *out)
{
    unsigned char salts[8];
    uint64_t begin = 1, first = 1, last = 0; /* of a transaction, and of the last whole one */
    memcpy(salts, log->salts, sizeof salts);
    for (uint64_t i = 1; read_frame(log, i); i++) {
        bool fits = follows(log, salts);
        if (!fits && out->lost > 0)
            break; /* an older log */
        if (fits && commits(log)) {
            first = begin;
            last = i;
            out->lost++;
        }
        if (!fits || commits(log))
            begin = i + 1;
        memcpy(salts, log->frame + 8, sizeof salts);
    }
    for (uint64_t i = first; i <= last && !out->found; i++)
        out->found = !in_database(log, i) && !replaced(log, i, last);
}

static void examine(struct wal *log, struct wal_damage *out)
{
    unsigned char size[2];
    struct stat st;
    if (!read_at(log, log->db_fd, size, sizeof size, 16))
        return; /* no database: others will say so */
    log->page_size = (uint32_t)size[0] << 8 | size[1];
    if (log->page_size == 1)
        log->page_size = PAGE_MAX;
    if (!usable_page_size(log->page_size))
        return;
    out->all = fstat(log->db_fd, &st) == 0 && st.st_size <= (off_t)log->page_size;
    log->frame = malloc(FRAME + (size_t)log->page_size);
    log->page = malloc(log->page_size);
    if (!log->frame || !log->page)
        log->error = ENOMEM;
    else if (read_header(log))
        look_behind(log, out);
    else
        look_without_header(log, out);
}

enum studio_err wal_examine(const char *path, struct wal_damage *out, struct studio_error *error)
{
    struct wal log = {.fd = open_log(path, O_RDONLY), .db_fd = -1};
    *out = (struct wal_damage){.found = false};
    if (log.fd >= 0)
        log.db_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (log.db_fd >= 0)
        examine(&log, out);
    else if (errno != ENOENT)
        log.error = errno;
    if (log.fd >= 0)
        close(log.fd);
    if (log.db_fd >= 0)
        close(log.db_fd);
    free(log.frame);
    free(log.page);
    return log.error ? refuse(error, path, "read", log.error) : STUDIO_OK;
}

/* --- after a sync that failed ---------------------------------------------------------------- */

static bool write_again(int fd)
{
    enum { PIECE = 16384 };
    char piece[PIECE];
    off_t at = 0;
    ssize_t n;
    while ((n = pread(fd, piece, sizeof piece, at)) > 0) {
        if (pwrite(fd, piece, (size_t)n, at) != n)
            return false;
        at += n;
    }
    return n == 0 && fsync(fd) == 0;
}

enum studio_err wal_write_again(const char *path, struct studio_error *error)
{
    int fd = open_log(path, O_RDWR);
    bool done = fd >= 0 ? write_again(fd) : errno == ENOENT;
    int cause = errno;
    if (fd >= 0)
        close(fd);
    return done ? STUDIO_OK : refuse(error, path, "written again", cause);
}

void wal_where(const struct wal_damage *damage, char out[WAL_WHERE_MAX])
{
    if (damage->frame)
        snprintf(out, WAL_WHERE_MAX, "frame %" PRIu64, damage->frame);
    else
        snprintf(out, WAL_WHERE_MAX, "its header");
}

enum studio_err wal_refuse(struct studio_error *error, const char *path,
                           const struct wal_damage *damage)
{
    char where[WAL_WHERE_MAX];
    wal_where(damage, where);
    return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                            ": %s-wal is damaged at %s, and %" PRIu64
                            " acknowledged transactions behind it cannot be read; restore a backup "
                            "of the data directory, or %s",
                            path, where, damage->lost,
                            damage->all ? "move " STORE_FILE "* away to start with an empty store"
                                        : "go on without them after `studio-agent store restored "
                                          "--data DIR`");
}
