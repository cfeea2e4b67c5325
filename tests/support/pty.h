/*
 * pty.h - a program under test on a terminal of its own, typed at and read as a person would.
 *
 * Everything has a deadline and fails the test, showing what the terminal got.
 */
#ifndef TESTS_SUPPORT_PTY_H
#define TESTS_SUPPORT_PTY_H

struct pty;

/* argv and env as for proc_spawn. */
struct pty *pty_spawn(const char *const argv[], const char *const env[], int columns, int lines);
/* Kills what still runs and frees. */
void pty_destroy(struct pty *pty);

void pty_type(struct pty *pty, const char *text);
void pty_resize(struct pty *pty, int columns, int lines);
/* Waits until the terminal has got this text after what was waited for before. */
void pty_expect(struct pty *pty, const char *text);
/* Everything the terminal has got so far; valid until the next call. */
const char *pty_seen(const struct pty *pty);
/* Waits for the end: the exit code, or 128 + the signal that ended it. */
int pty_wait(struct pty *pty);

#endif
