/*
 * log.h - the log: one line per event to standard error, as text or JSON, or to a function.
 *
 * Each agent of a process has a log of its own. Which one counts is a matter of the thread: whoever
 * starts threads for an agent lets them begin with log_use(). A thread that never did logs to
 * standard error as text, level info. log_write may be called from any thread and never fails.
 * Secrets (tokens, query strings) are never logged.
 */
#ifndef AGENT_BASE_LOG_H
#define AGENT_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "studio/error.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* Takes one message, without a newline and harmless to a terminal. Any thread of the agent, also
 * several at once; it must not log. `level` is an enum log_level. */
typedef void log_sink(void *ctx, int level, const char *module, const char *message);

/* Filled before it is used and only read afterwards; outlives the threads that use it. */
struct log {
    enum log_level level;   /* the least important one */
    enum log_format format; /* on standard error */
    bool colour;            /* text on a terminal */
    bool
        journal; /* standard error is systemd's journal: lines say how important they are, not when */
    log_sink *sink; /* NULL: standard error */
    void *ctx;      /* of the sink */
};

/* To standard error, in colours if that is a terminal; `<N>` before each line, as of sd-daemon(3), and no time in text
 * if it is the journal, which JOURNAL_STREAM names. */
void log_init(struct log *log, enum log_level level, enum log_format format);
/* What this thread logs to from now on; NULL: the default. Returns what it was. */
const struct log *log_use(const struct log *log);
/* What this thread logs to: for the threads it starts. */
const struct log *log_used(void);

/* What stands before a line that is written to standard error by itself: `<N>`, or nothing. */
const char *log_mark(enum log_level level);

bool log_enabled(enum log_level level);

/* `module` is the part that speaks ("store", "bridge"); one line, no newline in fmt. In text:
 * `2026-01-02T03:04:05.678Z warn bridge: ...`; in JSON: {"ts","level","module","msg"}. */
void log_write(enum log_level level, const char *module, const char *fmt, ...) STUDIO_PRINTF(3, 4);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_enabled(LOG_DEBUG))                                                                \
            log_write(LOG_DEBUG, __VA_ARGS__);                                                     \
    } while (0)

/* For messages a peer can cause at will: at most one line per 10 s and limiter, the next line says
 * how many were left out. */
struct log_limit {
    int64_t next_ms;
    unsigned long dropped;
};
void log_limited(struct log_limit *limit, enum log_level level, const char *module, const char *fmt,
                 ...) STUDIO_PRINTF(4, 5);

/* For what happens often but should all be told on a usual day: so many lines a second, the first line
 * after says how many were left out. */
enum { LOG_PACE = 20 };
struct log_pace {
    int64_t second;
    unsigned count;
    unsigned long dropped;
};
void log_paced(struct log_pace *pace, enum log_level level, const char *module, const char *fmt,
               ...) STUDIO_PRINTF(4, 5);

#endif
