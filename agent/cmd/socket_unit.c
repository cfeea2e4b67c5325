#include "cmd/socket_unit.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNIT "studio-agent.socket"

/* With its standard output to `fd`. False: there is no such program. */
static bool start(char *const argv[], int fd, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    bool ok;

    if (posix_spawn_file_actions_init(&files) != 0)
        return false;
    ok = posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
         posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO) == 0 &&
         posix_spawnp(pid, argv[0], &files, NULL, argv, environ) == 0;
    (void)posix_spawn_file_actions_destroy(&files);
    return ok;
}

/* What systemd says of the unit, a line each; NULL: nothing. */
static FILE *ask(pid_t *pid)
{
    static char program[] = "systemctl", show[] = "show", state[] = "--property=ActiveState",
                listen[] = "--property=Listen", unit[] = UNIT;
    char *const argv[] = {program, show, state, listen, unit, NULL};
    int ends[2];
    FILE *in = NULL;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    if (start(argv, ends[1], pid))
        in = fdopen(ends[0], "r");
    close(ends[1]);
    if (!in)
        close(ends[0]);
    return in;
}

/* `Listen=[::]:8443 (Stream)`; several of them. */
static void add_address(char *out, size_t cap, const char *line)
{
    const size_t len = strlen(out);

    snprintf(out + len, cap - len, "%s%.*s", len ? ", " : "", (int)strcspn(line, " \n"), line);
}

/* True: the unit is active. */
static bool find(char *at, size_t cap)
{
    static const char address[] = "Listen=", active[] = "ActiveState=active\n";
    char line[512];
    bool found = false;
    pid_t pid;
    FILE *in = ask(&pid);

    if (!in)
        return false;
    while (fgets(line, sizeof(line), in)) {
        found = found || strcmp(line, active) == 0;
        if (strncmp(line, address, sizeof(address) - 1) == 0)
            add_address(at, cap, line + sizeof(address) - 1);
    }
    (void)fclose(in);
    (void)waitpid(pid, NULL, 0);
    return found;
}

bool socket_unit_words(char out[SOCKET_UNIT_WORDS_MAX])
{
    char at[512] = "";

    if (!getenv("LISTEN_FDS") && !find(at, sizeof(at)))
        return false;
    snprintf(out, SOCKET_UNIT_WORDS_MAX,
             "systemd listens for the agent (%s%s%s): those addresses count and websocket.listen "
             "does not, of which alone is spoken here; what is said of TLS and names has to be "
             "looked at for them",
             at[0] ? UNIT : "LISTEN_FDS", at[0] ? ": " : "", at);
    return true;
}
