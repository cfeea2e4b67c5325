#include "cmd/mark.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"

enum studio_err mark_check(const char *path, const char *else_do, struct studio_error *error)
{
    char begin[sizeof(MARK)] = "";
    FILE *in = fopen(path, "re");
    const bool none = !in && errno == ENOENT;

    if (in) {
        if (!fgets(begin, sizeof(begin), in))
            begin[0] = '\0';
        (void)fclose(in);
    }
    if (none || strcmp(begin, MARK) == 0)
        return STUDIO_OK;
    return config_fail(error, STUDIO_ERR_USAGE,
                       "there is %s, which setup did not make and does not replace: %s, and come "
                       "back; nothing is made",
                       path, else_do);
}
