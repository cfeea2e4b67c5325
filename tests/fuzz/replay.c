/*
 * Runs every file of the given directories through a fuzz target: the corpus as a plain test, with
 * a compiler that has no libFuzzer.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20 };

static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    /* Exactly as large as the input, so that a sanitizer sees every read beyond it. */
    uint8_t *space = malloc(INPUT_MAX);
    size_t size = space == NULL ? 0 : fread(space, 1, INPUT_MAX, file);
    uint8_t *input = space == NULL ? NULL : realloc(space, size > 0 ? size : 1);
    bool done = input != NULL && ferror(file) == 0;
    if (done)
        (void)LLVMFuzzerTestOneInput(input, size);
    else
        fprintf(stderr, "%s: cannot read\n", path);
    free(input != NULL ? input : space);
    (void)fclose(file);
    return done;
}

/* Returns the number of files, negative on an error. */
static long replay_directory(const char *name)
{
    DIR *dir = opendir(name);
    if (dir == NULL) {
        perror(name);
        return -1;
    }
    long count = 0;
    const struct dirent *entry;
    while (count >= 0 && (entry = readdir(dir)) != NULL) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        int n = snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
        bool fits = n > 0 && (size_t)n < sizeof(path);
        count = fits && replay_file(path) ? count + 1 : -1;
    }
    (void)closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s DIRECTORY...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        long count = replay_directory(argv[i]);
        if (count <= 0) {
            fprintf(stderr, "%s: nothing replayed\n", argv[i]);
            return 1;
        }
        printf("%s: %ld inputs\n", argv[i], count);
    }
    return 0;
}
