/*
 * proc.h - real processes under test: started, listened to, stopped, killed.
 *
 * Output is collected by a thread of its own from the start, so that a child never blocks on a full
 * pipe. A child dies with the test program, whatever happens to that. Functions that cannot do what
 * they promise fail the test and show what the process wrote.
 */
#ifndef TESTS_SUPPORT_PROC_H
#define TESTS_SUPPORT_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum proc_stream { PROC_STDOUT, PROC_STDERR };

struct proc;

/* What a program is given: texts, and the NULL behind the last. */
#define ARGS(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* argv and env end with NULL; argv[0] is searched in PATH. `env` (may be NULL) holds NAME=VALUE
 * lines that are added to this program's environment. */
struct proc *proc_spawn(const char *const argv[], const char *const env[]);

/* Kills what still runs and frees. NULL does nothing. */
void proc_destroy(struct proc *proc);

pid_t proc_pid(const struct proc *proc);
bool proc_running(struct proc *proc);

/* Waits for a whole line that contains `needle`, from the start of the output, and copies it
 * without its newline (free()). Fails when the process ends without it, or after `timeout_ms`. */
char *proc_wait_line(struct proc *proc, enum proc_stream stream, const char *needle,
                     int timeout_ms);

/* Everything written so far (free()). Complete once the process has been waited for. */
char *proc_output(struct proc *proc, enum proc_stream stream);

/* Standard input. */
void proc_write(struct proc *proc, const char *text);
void proc_close_stdin(struct proc *proc);

void proc_signal(struct proc *proc, int sig);

/* Waits for the end: the exit code, or 128 + the signal that ended it. */
int proc_wait(struct proc *proc, int timeout_ms);

/* SIGTERM and proc_wait. */
int proc_stop(struct proc *proc, int timeout_ms);

/* SIGKILL, and waits until it is gone. */
void proc_kill(struct proc *proc);

/* Runs a program to its end and returns its exit code; *out and *err (may be NULL) are free()d. */
int proc_run(const char *const argv[], const char *const env[], char **out, char **err);
/* The same with this text on its standard input. */
int proc_run_on(const char *const argv[], const char *const env[], const char *in, char **out,
                char **err);

#endif
