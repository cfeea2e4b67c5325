#include "cmd/redact.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

void redact_add(struct redact *r, const char *secret)
{
    if (!secret || strlen(secret) < REDACT_SHORTEST)
        return;
    char *copy = r->count < REDACT_MAX ? secret_dup(secret, strlen(secret)) : NULL;
    if (copy)
        r->secrets[r->count++] = copy;
    else
        r->failed = true;
}

void redact_add_file(struct redact *r, const char *file)
{
    FILE *in = file ? fopen(file, "re") : NULL;
    char *line = NULL;
    size_t size = 0;

    while (in && getline(&line, &size, in) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        redact_add(r, line);
        explicit_bzero(line, size);
    }
    free(line);
    if (in)
        (void)fclose(in);
}

void redact_finish(struct redact *r)
{
    for (size_t i = 0; i < r->count; i++)
        secret_free(r->secrets[i]);
    *r = (struct redact){.count = 0};
}

void redact_apply(const struct redact *r, char *text)
{
    static const char *const hashes[] = {"sha256:", "yescrypt:"};
    char *at;

    for (size_t i = 0; i < r->count; i++)
        for (at = text; (at = strstr(at, r->secrets[i]));)
            memset(at, '*', strlen(r->secrets[i]));
    for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++)
        for (at = text; (at = strstr(at, hashes[i]));)
            for (at += strlen(hashes[i]);
                 *at && (isalnum((unsigned char)*at) || strchr("./$", *at)); at++)
                *at = '*';
}
