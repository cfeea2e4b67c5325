/* faults.c - the test's side of support/preload. */
#include "support/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/deadline.h"
#include "support/tmpdir.h"

enum { SKIPPED = 77 };

struct faults {
    struct fault_control *control;
    char *variables[2];
    const char *env[3];
};

static const char *library(void)
{
    return studio_program("libfaults.so");
}

bool faults_available(void)
{
    bool there = access(library(), R_OK) == 0;
    /* CMake says whether it was built: a test that skips all the same would look as if it passed. */
    if (!there && getenv("STUDIO_FAULTS"))
        test_fail("%s is not there, although it was to be built", library());
    return there;
}

struct faults *faults_create(const char *data, const char *spared)
{
    if (!faults_available()) {
        fprintf(stderr, "%s is not there: not under a sanitizer\n", library());
        exit(SKIPPED);
    }
    struct faults *f = test_alloc(sizeof *f);
    const char *path = tmpdir_write(tmpdir_create(), "faults", 0600, "");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof *f->control) != 0)
        test_fail("%s: %s", path, strerror(errno));
    f->control = mmap(NULL, sizeof *f->control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (f->control == MAP_FAILED)
        test_fail("mmap %s: %s", path, strerror(errno));
    /* The path as the kernel tells it of an open file. */
    char *real = realpath(data, NULL);
    if (!real || strlen(real) >= sizeof f->control->data)
        test_fail("%s is no data folder for faults", data);
    memcpy(f->control->data, real, strlen(real) + 1);
    free(real);
    snprintf(f->control->spared, sizeof f->control->spared, "%s", spared ? spared : "");
    f->variables[0] = test_printf("LD_PRELOAD=%s", library());
    f->variables[1] = test_printf("%s=%s", FAULTS_VARIABLE, path);
    f->env[0] = f->variables[0];
    f->env[1] = f->variables[1];
    return f;
}

void faults_destroy(struct faults *f)
{
    if (!f)
        return;
    munmap(f->control, sizeof *f->control);
    free(f->variables[0]);
    free(f->variables[1]);
    free(f);
}

void faults_give(struct faults *f, uid_t uid)
{
    const char *path = strchr(f->variables[1], '=') + 1;
    char *dir = test_printf("%.*s", (int)(strrchr(path, '/') - path), path);
    if (chown(path, uid, (gid_t)-1) != 0 || chown(dir, uid, (gid_t)-1) != 0)
        test_fail("chown of %s: %s", path, strerror(errno));
    free(dir);
}

const char *const *faults_env(const struct faults *f)
{
    return f->env;
}

void faults_fail(struct faults *f, enum fault_op op, int error, uint64_t from, uint64_t count)
{
    struct fault_rule *rule = &f->control->rules[op];
    atomic_store(&rule->error, 0);
    atomic_store(&rule->calls, 0);
    atomic_store(&rule->failed, 0);
    atomic_store(&rule->from, from);
    atomic_store(&rule->count, count);
    atomic_store(&rule->error, error);
}

void faults_delay(struct faults *f, enum fault_op op, unsigned ms)
{
    atomic_store(&f->control->rules[op].delay_ms, ms);
}

void faults_clear(struct faults *f, enum fault_op op)
{
    atomic_store(&f->control->rules[op].error, 0);
    atomic_store(&f->control->rules[op].delay_ms, 0);
}

void faults_clear_all(struct faults *f)
{
    for (int op = 0; op < FAULT_OPS; op++)
        faults_clear(f, (enum fault_op)op);
    faults_clock(f, 0);
}

void faults_clock(struct faults *f, int64_t offset_ms)
{
    atomic_store(&f->control->clock_ms, offset_ms);
}

uint64_t faults_calls(const struct faults *f, enum fault_op op)
{
    return atomic_load(&f->control->rules[op].calls);
}

uint64_t faults_failed(const struct faults *f, enum fault_op op)
{
    return atomic_load(&f->control->rules[op].failed);
}

uint64_t faults_delayed(const struct faults *f)
{
    return atomic_load(&f->control->delayed);
}

uint64_t faults_clock_reads(const struct faults *f)
{
    return atomic_load(&f->control->clock_reads);
}

void faults_wait_failed(const struct faults *f, enum fault_op op, uint64_t count)
{
    /* Shared memory tells nobody: look again in short steps. */
    static const struct timespec step = {.tv_nsec = 2000000};
    int64_t deadline = now_ms() + WAIT_MS;
    while (faults_failed(f, op) < count) {
        if (deadline_left(deadline) == 0)
            test_fail("only %llu calls failed in time", (unsigned long long)faults_failed(f, op));
        nanosleep(&step, NULL);
    }
}
