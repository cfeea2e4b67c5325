#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "base/times.h"

enum {
    MESSAGE_MAX = 1024,                   /* longer ones are cut */
    LOG_LINE_MAX = 6 * MESSAGE_MAX + 512, /* every byte of the message escaped, and the rest */
    LIMIT_MS = 10000
};

static const struct log plain = {.level = LOG_INFO, .format = LOG_TEXT};
static _Thread_local const struct log *used = &plain;

static const struct {
    const char *name;
    const char *colour;
    const char *mark; /* for the journal: the numbers of syslog */
} levels[] = {
    [LOG_ERROR] = {"error", "\033[31m", "<3>"},
    [LOG_WARN] = {"warn", "\033[33m", "<4>"},
    [LOG_INFO] = {"info", "\033[32m", "<6>"},
    [LOG_DEBUG] = {"debug", "\033[2m", "<7>"},
};

/* The variable is inherited by who is started with another standard error, too. */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat about;
    char ours[64];

    if (!stream || fstat(STDERR_FILENO, &about) != 0)
        return false;
    (void)snprintf(ours, sizeof(ours), "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)about.st_dev,
                   (uintmax_t)about.st_ino);
    return strcmp(stream, ours) == 0;
}

const char *log_mark(enum log_level level)
{
    return is_journal() ? levels[level].mark : "";
}

void log_init(struct log *log, enum log_level level, enum log_format format)
{
    *log = (struct log){.level = level, .format = format};
    log->colour = format == LOG_TEXT && isatty(STDERR_FILENO) == 1;
    log->journal = is_journal();
}

const struct log *log_use(const struct log *log)
{
    const struct log *before = used;
    used = log != NULL ? log : &plain;
    return before;
}

const struct log *log_used(void)
{
    return used;
}

bool log_enabled(enum log_level level)
{
    return level <= used->level;
}

/* A peer's text may be in the message: no line breaks, no terminal sequences, valid UTF-8. */
static void make_harmless(char *text, size_t len)
{
    bool utf8 = text_utf8_valid(text, len);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8))
            text[i] = '?';
    }
}

static void print_text(struct buf *line, enum log_level level, const char *ts, const char *module,
                       const char *message)
{
    if (used->journal)
        buf_printf(line, "%s %s: %s\n", levels[level].name, module, message);
    else
        buf_printf(line, "%s %s%s%s %s: %s\n", ts, used->colour ? levels[level].colour : "",
                   levels[level].name, used->colour ? "\033[0m" : "", module, message);
}

static void print_json(struct buf *line, enum log_level level, const char *ts, const char *module,
                       const char *message)
{
    buf_printf(line, "{\"ts\":\"%s\",\"level\":\"%s\",\"module\":", ts, levels[level].name);
    json_string(line, module, strlen(module));
    buf_str(line, ",\"msg\":");
    json_string(line, message, strlen(message));
    buf_str(line, "}\n");
}

/* One write for the whole line, so that threads do not mix; nobody to tell if it fails. */
static void write_line(enum log_level level, const char *module, const char *message)
{
    char ts[TIME_MS_LEN + 1];
    time_print_ms(clock_wall(clock_system()), ts);

    char space[LOG_LINE_MAX];
    struct buf line;
    buf_init_fixed(&line, space, sizeof(space));
    if (used->journal)
        buf_str(&line, levels[level].mark);
    if (used->format == LOG_JSON)
        print_json(&line, level, ts, module, message);
    else
        print_text(&line, level, ts, module, message);

    ssize_t written;
    do {
        written = write(STDERR_FILENO, line.data, line.len);
    } while (written < 0 && errno == EINTR);
}

STUDIO_PRINTF(4, 0)
static void emit(enum log_level level, const char *module, unsigned long left_out, const char *fmt,
                 va_list args)
{
    char message[MESSAGE_MAX + 1];
    int n = vsnprintf(message, sizeof(message), fmt, args);
    size_t len = n < 0 ? 0 : (size_t)n;
    if (len >= sizeof(message))
        len = text_utf8_cut(message, sizeof(message) - 1);
    message[len] = '\0';
    if (left_out > 0) {
        size_t room = sizeof(message) - len;
        n = snprintf(message + len, room, " (%lu more left out)", left_out);
        len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
    }
    make_harmless(message, len);

    int saved = errno;
    if (used->sink != NULL)
        used->sink(used->ctx, (int)level, module, message);
    else
        write_line(level, module, message);
    errno = saved;
}

void log_write(enum log_level level, const char *module, const char *fmt, ...)
{
    if (!log_enabled(level))
        return;
    va_list args;
    va_start(args, fmt);
    emit(level, module, 0, fmt, args);
    va_end(args);
}

void log_limited(struct log_limit *limit, enum log_level level, const char *module, const char *fmt,
                 ...)
{
    if (!log_enabled(level))
        return;
    int64_t now = clock_mono(clock_system());
    if (now < limit->next_ms) {
        limit->dropped++;
        return;
    }
    va_list args;
    va_start(args, fmt);
    emit(level, module, limit->dropped, fmt, args);
    va_end(args);
    limit->next_ms = now + LIMIT_MS;
    limit->dropped = 0;
}

void log_paced(struct log_pace *pace, enum log_level level, const char *module, const char *fmt,
               ...)
{
    if (!log_enabled(level))
        return;
    int64_t second = clock_mono(clock_system()) / 1000;
    if (second != pace->second) {
        pace->second = second;
        pace->count = 0;
    }
    if (pace->count >= LOG_PACE) {
        pace->dropped++;
        return;
    }
    va_list args;
    va_start(args, fmt);
    emit(level, module, pace->dropped, fmt, args);
    va_end(args);
    pace->count++;
    pace->dropped = 0;
}
