#include "auth/token_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

static const char suffix[] = ".tokens";

static int is_one(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name), end = sizeof(suffix) - 1;

    return entry->d_name[0] != '.' && len > end && strcmp(entry->d_name + len - end, suffix) == 0;
}

/* As bytes, whatever the locale. */
static int compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum studio_err fail_memory(struct studio_error *error)
{
    return config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory");
}

static bool keep(struct token_files *files, char *path)
{
    files->paths[files->count] = path;
    files->count += path != NULL;
    return path != NULL;
}

static enum studio_err list_directory(struct token_files *files, const char *path,
                                      struct studio_error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_one, compare);
    bool memory = true;

    if (count < 0)
        return config_fail(error, STUDIO_ERR_USAGE, "cannot read the directory %s: %s", path,
                           strerror(errno));
    files->paths = calloc((size_t)count + 1, sizeof(*files->paths));
    memory = files->paths != NULL;
    for (int i = 0; i < count; i++) {
        char *name = NULL;

        if (memory && asprintf(&name, "%s/%s", path, entries[i]->d_name) < 0)
            name = NULL;
        memory = memory && keep(files, name);
        free(entries[i]);
    }
    free(entries);
    return memory ? STUDIO_OK : fail_memory(error);
}

enum studio_err token_files_safe(const struct stat *about, const char *file,
                                 enum tokens_reader reader, struct studio_error *error)
{
    struct stat itself;
    if (lstat(file, &itself) == 0 && S_ISLNK(itself.st_mode))
        return config_fail(error, STUDIO_ERR_USAGE,
                           "the tokens file %s is a symbolic link, which may lead elsewhere "
                           "tomorrow; name the file itself with --tokens",
                           file);
    if (!about)
        return STUDIO_OK;
    if (about->st_mode & (S_IWGRP | S_IWOTH))
        return config_fail(error, STUDIO_ERR_USAGE,
                           "the tokens file %s can be written by others; run: chmod go-w '%s'",
                           file, file);
    bool ours = about->st_uid == 0 || about->st_uid == geteuid();
    if (!ours && !(reader == TOKENS_FOR_COMMAND && geteuid() == 0))
        return config_fail(error, STUDIO_ERR_USAGE,
                           "the tokens file %s belongs to user %u, who could change it; run: chown "
                           "%u '%s'",
                           file, (unsigned)about->st_uid, (unsigned)geteuid(), file);
    return STUDIO_OK;
}

enum studio_err token_files_list(struct token_files *files, const char *path,
                                 enum tokens_reader reader, struct studio_error *error)
{
    struct stat about;
    enum studio_err err;

    *files = (struct token_files){.directory = stat(path, &about) == 0 && S_ISDIR(about.st_mode)};
    if (files->directory) {
        err = token_files_safe(&about, path, reader, error);
        return err == STUDIO_OK ? list_directory(files, path, error) : err;
    }
    files->paths = calloc(1, sizeof(*files->paths));
    return files->paths && keep(files, strdup(path)) ? STUDIO_OK : fail_memory(error);
}

void token_files_finish(struct token_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->paths[i]);
    free(files->paths);
    *files = (struct token_files){.paths = NULL};
}

char *token_files_new(const char *path)
{
    struct stat about;
    char *name = NULL;

    if (stat(path, &about) != 0 || !S_ISDIR(about.st_mode))
        return strdup(path);
    return asprintf(&name, "%s/users%s", path, suffix) < 0 ? NULL : name;
}
