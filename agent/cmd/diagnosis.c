#include "cmd/diagnosis.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"

static const struct {
    const char *word, *colour;
} shown[] = {
    [FINDING_OK] = {"ok", "\033[32m"},
    [FINDING_WARNING] = {"warning", "\033[33m"},
    [FINDING_FAULT] = {"fault", "\033[31m"},
};

static void tell_json(enum finding finding, const char *what, const char *text, const char *advice)
{
    struct buf line;

    buf_init(&line, 16384);
    buf_str(&line, "{");
    json_word(&line, "check", what);
    json_word(&line, "result", shown[finding].word);
    json_text(&line, "text", text);
    if (finding != FINDING_OK && advice)
        json_text(&line, "advice", advice);
    buf_str(&line, "}");
    puts(buf_ok(&line) ? line.data : JSON_NO_MEMORY);
    buf_finish(&line);
}

void diagnosis_tell(struct diagnosis *d, enum finding finding, const char *what, const char *advice,
                    const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    d->warnings += finding == FINDING_WARNING;
    d->faults += finding == FINDING_FAULT;
    if (d->json) {
        tell_json(finding, what, text, advice);
    } else {
        printf("%s%-8s%s %-13s %s\n", d->colour ? shown[finding].colour : "", shown[finding].word,
               d->colour ? "\033[0m" : "", what, text);
        if (finding != FINDING_OK && advice)
            printf("%22s -> %s\n", "", advice);
    }
    (void)fflush(stdout); /* the next may take some seconds */
}

bool diagnosis_readable(struct diagnosis *d, const char *what, const char *option, const char *file)
{
    if (!file || faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) == 0)
        return true;
    diagnosis_tell(d, FINDING_FAULT, what, "let the agent's user read it, or name another file",
                   "%s %s cannot be read: %s", option, file, strerror(errno));
    return false;
}

int diagnosis_end(const struct diagnosis *d)
{
    if (!d->json)
        printf("%u fault%s, %u warning%s\n", d->faults, d->faults == 1 ? "" : "s", d->warnings,
               d->warnings == 1 ? "" : "s");
    return d->faults ? STUDIO_EXIT_FAILED : STUDIO_EXIT_OK;
}
