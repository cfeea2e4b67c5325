/* proc.c - one child process: fork, two pipes, one collecting thread. */
#include "support/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/deadline.h"

enum { SHOWN_MAX = 3000 }; /* bytes of output in a failure message */

struct output {
    int fd;
    char *text; /* NUL-terminated once anything came */
    size_t len, cap;
};

struct proc {
    char *name;
    pid_t pid;
    int in;
    struct output out[2];
    pthread_t collector;
    pthread_mutex_t mutex; /* guards all below, and text and len of out */
    pthread_cond_t cond;   /* something was read, or the child ended */
    bool drained;          /* both pipes are at their end */
    bool reaped;
    int status;
    struct proc *next; /* in living */
};

/* Those not destroyed yet: what a failed test left behind ends with the program. */
static struct proc *living;

static void append(struct output *o, const char *bytes, size_t n)
{
    if (o->cap - o->len <= n) {
        size_t cap = (o->len + n + 1) * 2;
        char *bigger = realloc(o->text, cap);
        if (!bigger)
            abort(); /* on the collector's thread no test can be failed */
        o->text = bigger;
        o->cap = cap;
    }
    memcpy(o->text + o->len, bytes, n);
    o->len += n;
    o->text[o->len] = '\0';
}

static void *collect(void *arg)
{
    struct proc *p = arg;
    struct pollfd fds[2] = {{.fd = p->out[0].fd, .events = POLLIN},
                            {.fd = p->out[1].fd, .events = POLLIN}};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            abort();
        for (int i = 0; i < 2; i++) {
            char bytes[16384];
            if (fds[i].fd < 0 || fds[i].revents == 0)
                continue;
            ssize_t n = read(fds[i].fd, bytes, sizeof bytes);
            if (n < 0 && errno == EINTR)
                continue;
            pthread_mutex_lock(&p->mutex);
            if (n > 0)
                append(&p->out[i], bytes, (size_t)n);
            else
                fds[i].fd = -1;
            pthread_cond_broadcast(&p->cond);
            pthread_mutex_unlock(&p->mutex);
        }
    }
    pthread_mutex_lock(&p->mutex);
    p->drained = true;
    pthread_cond_broadcast(&p->cond);
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

/* Prints the last of what the process wrote. */
static void show_output(struct proc *p, enum proc_stream stream)
{
    char *text = proc_output(p, stream);
    size_t len = strlen(text);
    fprintf(stderr, "--- %s of %s (pid %d, %zu bytes)\n%s\n",
            stream == PROC_STDOUT ? "stdout" : "stderr", p->name, (int)p->pid, len,
            text + (len > SHOWN_MAX ? len - SHOWN_MAX : 0));
    free(text);
}

/* At exit: shows the last of what was logged by those a failed test left running, and ends them. */
static void destroy_all(void)
{
    while (living) {
        show_output(living, PROC_STDERR);
        proc_destroy(living);
    }
}

static char **merged_environment(const char *const env[])
{
    size_t old = 0, extra = 0, n = 0;
    while (environ[old])
        old++;
    while (env && env[extra])
        extra++;
    char **all = test_alloc((old + extra + 1) * sizeof *all);
    for (size_t i = 0; i < old; i++) {
        bool replaced = false;
        for (size_t k = 0; k < extra; k++) {
            size_t name = strcspn(env[k], "=") + 1;
            replaced = replaced || strncmp(environ[i], env[k], name) == 0;
        }
        if (!replaced)
            all[n++] = environ[i];
    }
    for (size_t k = 0; k < extra; k++)
        all[n++] = (char *)(uintptr_t)env[k];
    return all;
}

/* Only async-signal-safe calls: other threads may hold locks at the fork. */
static _Noreturn void child(pid_t parent, int in, int out, int err, const char *const argv[],
                            char **env)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(127);
    execvpe(argv[0], (char *const *)(uintptr_t)argv, env);
    static const char failed[] = "cannot be executed\n";
    (void)!write(2, failed, sizeof failed - 1);
    _exit(127);
}

struct proc *proc_spawn(const char *const argv[], const char *const env[])
{
    struct proc *p = test_alloc(sizeof *p);
    int in[2], out[2], err[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        test_fail("pipe: %s", strerror(errno));
    p->name = test_printf("%s", argv[0]);
    char **all = merged_environment(env);
    pid_t parent = getpid();
    p->pid = fork();
    if (p->pid < 0)
        test_fail("fork: %s", strerror(errno));
    if (p->pid == 0)
        child(parent, in[0], out[1], err[1], argv, all);
    free(all);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    p->in = in[1];
    p->out[PROC_STDOUT].fd = out[0];
    p->out[PROC_STDERR].fd = err[0];
    pthread_mutex_init(&p->mutex, NULL);
    deadline_cond_init(&p->cond);
    if (pthread_create(&p->collector, NULL, collect, p) != 0)
        test_fail("pthread_create failed");
    static bool prepared;
    if (!prepared) {
        signal(SIGPIPE, SIG_IGN); /* a child that has gone is an error of write() */
        prepared = atexit(destroy_all) == 0;
    }
    p->next = living;
    living = p;
    return p;
}

void proc_destroy(struct proc *p)
{
    if (!p)
        return;
    if (!p->reaped) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
    }
    proc_close_stdin(p);
    pthread_join(p->collector, NULL);
    for (struct proc **at = &living; *at; at = &(*at)->next) {
        if (*at == p) {
            *at = p->next;
            break;
        }
    }
    for (int i = 0; i < 2; i++) {
        close(p->out[i].fd);
        free(p->out[i].text);
    }
    pthread_cond_destroy(&p->cond);
    pthread_mutex_destroy(&p->mutex);
    free(p->name);
    free(p);
}

pid_t proc_pid(const struct proc *p)
{
    return p->pid;
}

bool proc_running(struct proc *p)
{
    if (!p->reaped && waitpid(p->pid, &p->status, WNOHANG) == p->pid)
        p->reaped = true;
    return !p->reaped;
}

/* Copies the first whole line of `o` with `needle` in it, or returns NULL. */
static char *find_line(const struct output *o, const char *needle)
{
    const char *line = o->text;
    while (line) {
        const char *end = strchr(line, '\n');
        if (!end)
            return NULL;
        if (memmem(line, (size_t)(end - line), needle, strlen(needle)))
            return strndup(line, (size_t)(end - line));
        line = end + 1;
    }
    return NULL;
}

static _Noreturn void fail_with_output(struct proc *p, const char *what, const char *detail)
{
    show_output(p, PROC_STDOUT);
    show_output(p, PROC_STDERR);
    test_fail("%s (pid %d): %s%s", p->name, (int)p->pid, what, detail);
}

char *proc_wait_line(struct proc *p, enum proc_stream stream, const char *needle, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    bool in_time = true;
    pthread_mutex_lock(&p->mutex);
    char *line = find_line(&p->out[stream], needle);
    while (!line && !p->drained && in_time) {
        in_time = deadline_cond_wait(&p->cond, &p->mutex, deadline);
        line = find_line(&p->out[stream], needle);
    }
    pthread_mutex_unlock(&p->mutex);
    if (!line)
        fail_with_output(p,
                         in_time ? "ended without the line: " : "did not write in time: ", needle);
    return line;
}

char *proc_output(struct proc *p, enum proc_stream stream)
{
    pthread_mutex_lock(&p->mutex);
    char *text = strdup(p->out[stream].text ? p->out[stream].text : "");
    pthread_mutex_unlock(&p->mutex);
    if (!text)
        test_fail("out of memory in the test");
    return text;
}

void proc_write(struct proc *p, const char *text)
{
    for (size_t len = strlen(text); len > 0;) {
        ssize_t n = write(p->in, text, len);
        if (n < 0)
            test_fail("writing to %s: %s", p->name, strerror(errno));
        text += n;
        len -= (size_t)n;
    }
}

void proc_close_stdin(struct proc *p)
{
    if (p->in >= 0)
        close(p->in);
    p->in = -1;
}

void proc_signal(struct proc *p, int sig)
{
    if (proc_running(p) && kill(p->pid, sig) != 0)
        test_fail("signal %d to %s: %s", sig, p->name, strerror(errno));
}

int proc_wait(struct proc *p, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    bool in_time = true;
    /* The pipes end with the child (nothing here passes them on), so this needs no polling. */
    pthread_mutex_lock(&p->mutex);
    while (!p->drained && in_time)
        in_time = deadline_cond_wait(&p->cond, &p->mutex, deadline);
    pthread_mutex_unlock(&p->mutex);
    if (!in_time)
        fail_with_output(p, "did not end in time", "");
    if (!p->reaped && waitpid(p->pid, &p->status, 0) != p->pid)
        test_fail("waitpid %s: %s", p->name, strerror(errno));
    p->reaped = true;
    return WIFSIGNALED(p->status) ? 128 + WTERMSIG(p->status) : WEXITSTATUS(p->status);
}

int proc_stop(struct proc *p, int timeout_ms)
{
    proc_signal(p, SIGTERM);
    return proc_wait(p, timeout_ms);
}

void proc_kill(struct proc *p)
{
    proc_signal(p, SIGKILL);
    (void)proc_wait(p, WAIT_MS);
}

int proc_run_on(const char *const argv[], const char *const env[], const char *in, char **out,
                char **err)
{
    struct proc *p = proc_spawn(argv, env);
    if (in)
        proc_write(p, in);
    proc_close_stdin(p);
    int code = proc_wait(p, WAIT_MS);
    if (out)
        *out = proc_output(p, PROC_STDOUT);
    if (err)
        *err = proc_output(p, PROC_STDERR);
    proc_destroy(p);
    return code;
}

int proc_run(const char *const argv[], const char *const env[], char **out, char **err)
{
    return proc_run_on(argv, env, NULL, out, err);
}
