#include "place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool place_read(const char *path, char id[PLACE_MAX + 1])
{
    FILE *in = fopen(path, "re");
    char line[PLACE_MAX + 2]; /* with its end */

    id[0] = '\0';
    if (in == NULL)
        return errno == ENOENT;
    errno = 0;
    char *got = fgets(line, sizeof(line), in);
    fclose(in);
    if (got == NULL)
        return errno == 0; /* an empty file */
    size_t len = strcspn(line, "\r\n");
    if (line[len] == '\0' && len > PLACE_MAX)
        return false;
    memcpy(id, line, len);
    id[len] = '\0';
    return true;
}

bool place_write(const char *path, const char *id)
{
    char *fresh = NULL;

    if (asprintf(&fresh, "%s.new", path) < 0)
        return false;
    FILE *out = fopen(fresh, "we");
    bool ok =
        out != NULL && fprintf(out, "%s\n", id) > 0 && fflush(out) == 0 && fsync(fileno(out)) == 0;
    if (out != NULL && fclose(out) != 0)
        ok = false;
    ok = ok && rename(fresh, path) == 0;
    free(fresh);
    return ok;
}
