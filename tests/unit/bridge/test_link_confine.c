/*
 * test_link_confine.c - what the process of an MQTT connection may do no more, tried in a process like it, and
 * what it has to be able to do all the same. That brokers are reached from there is for the bridge's
 * integration tests.
 */
#include "bridge/link_confine.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/procfs.h"
#include "support/tmpdir.h"

static char file[256]; /* there, with something in it */

/* --- in the confined process ------------------------------------------------------------------ */

/* For every one of them the answer has to be the filter's own. */
#define A(pointer) ((long)(pointer))
#ifdef SYS_mmap2 /* of 32 bits */
#define SYS_MAP SYS_mmap2
#else
#define SYS_MAP SYS_mmap
#endif
static const struct attempt {
    const char *what;
    long call;
    long args[6];
} attempts[] = {
    {"run a program", SYS_execve, {A("/bin/true"), 0, 0}},
    {"run a program by descriptor", SYS_execveat, {AT_FDCWD, A("/bin/true"), 0, 0, 0}},
    {"become two", SYS_clone, {SIGCHLD}},
    {"become two in a new way", SYS_clone3, {0, 0}},
    {"trace", SYS_ptrace, {PTRACE_TRACEME}},
    {"read another's memory", SYS_process_vm_readv, {1}},
    {"get another's descriptor", SYS_pidfd_getfd, {0}},
    {"signal another", SYS_kill, {1, 0}},
    {"signal another's thread", SYS_tgkill, {1, 1, 0}},
    {"write to a file", SYS_openat, {AT_FDCWD, A(file), O_WRONLY}},
    {"read and write a file", SYS_openat, {AT_FDCWD, A(file), O_RDWR}},
    {"make a file", SYS_openat, {AT_FDCWD, A("new"), O_RDONLY | O_CREAT, 0600}},
    {"empty a file", SYS_openat, {AT_FDCWD, A(file), O_RDONLY | O_TRUNC}},
    {"make a file without a name", SYS_openat, {AT_FDCWD, A("/tmp"), O_TMPFILE | O_RDWR, 0600}},
    {"make a file of memory", SYS_memfd_create, {A("x"), 0}},
    {"cut a file", SYS_truncate, {A(file), 0}},
    {"remove a file", SYS_unlinkat, {AT_FDCWD, A(file), 0}},
    {"rename a file", SYS_renameat2, {AT_FDCWD, A(file), AT_FDCWD, A("new"), 0}},
    {"link a file", SYS_linkat, {AT_FDCWD, A(file), AT_FDCWD, A("new"), 0}},
    {"make a symbolic link", SYS_symlinkat, {A(file), AT_FDCWD, A("new")}},
    {"make a folder", SYS_mkdirat, {AT_FDCWD, A("new"), 0700}},
    {"make a device", SYS_mknodat, {AT_FDCWD, A("new"), S_IFIFO | 0600, 0}},
    {"change a file's mode", SYS_fchmodat, {AT_FDCWD, A(file), 0777}},
    {"give a file away", SYS_fchownat, {AT_FDCWD, A(file), 1, 1, 0}},
    {"mount", SYS_mount, {A("none"), A("/mnt"), A("tmpfs"), 0, 0}},
    {"unmount", SYS_umount2, {A("/mnt"), 0}},
    {"change the root", SYS_chroot, {A("/")}},
    {"leave the namespaces", SYS_unshare, {CLONE_NEWUSER}},
    {"enter a namespace", SYS_setns, {0, 0}},
    {"be another user", SYS_setuid, {0}},
    {"be another group", SYS_setgid, {0}},
    {"take capabilities", SYS_capset, {0, 0}},
    {"be dumped", SYS_prctl, {PR_SET_DUMPABLE, 1}},
    {"ask for more memory", SYS_prlimit64, {0, RLIMIT_DATA, A(file), 0}},
    {"load a program into the kernel", SYS_bpf, {0, 0, 0}},
    {"load a module", SYS_init_module, {0, 0, 0}},
    {"start another kernel", SYS_kexec_load, {0, 0, 0, 0}},
    {"end it all", SYS_reboot, {0, 0, 0, 0}},
    {"set the clock", SYS_clock_settime, {0, 0}},
    {"watch the machine", SYS_perf_event_open, {0, 0, -1, -1, 0}},
    {"read the kernel's log", SYS_syslog, {3, 0, 0}},
    {"queue work for the kernel", SYS_io_uring_setup, {1, 0}},
    {"handle page faults", SYS_userfaultfd, {0}},
    {"look at keys", SYS_keyctl, {0, -3, 0}},
    {"share memory", SYS_shmget, {IPC_PRIVATE, 4096, 0600}},
    {"write code",
     SYS_MAP,
     {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
    {"write on code", SYS_mprotect, {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC}},
    {"accept connections", SYS_listen, {0, 1}},
    {"see packets", SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
    {"make packets", SYS_socket, {AF_INET, SOCK_RAW, IPPROTO_TCP}},
    {"talk to a host of this machine", SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}},
    {"listen to the kernel's audit", SYS_socket, {AF_NETLINK, SOCK_RAW, 9}},
    {"type at a terminal", SYS_ioctl, {0, TIOCSTI, A("x")}},
};

#define EXPECT(condition)                                                                          \
    if (!(condition)) {                                                                            \
        fprintf(stderr, "%s: errno %d\n", #condition, errno);                                      \
        _exit(1);                                                                                  \
    }

static void try_everything(void)
{
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        const struct attempt *a = &attempts[i];
        const long *n = a->args;

        errno = 0;
        if (syscall(a->call, n[0], n[1], n[2], n[3], n[4], n[5]) == -1 && errno == ENOSYS)
            continue;
        fprintf(stderr, "to %s is not forbidden: errno %d\n", a->what, errno);
        _exit(1);
    }
}

static void *allocate(void *arg)
{
    for (size_t size = 1; size < 4 << 20; size *= 3)
        free(realloc(calloc(1, size), 2 * size));
    return arg;
}

static void do_what_is_needed(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    char bytes[64];
    pthread_t thread;
    FILE *f;
    int fd;

    EXPECT(pthread_create(&thread, NULL, allocate, NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(getrandom(bytes, sizeof bytes, 0) == sizeof bytes);
    EXPECT((f = fopen(file, "r")) && fgets(bytes, sizeof bytes, f));
    fclose(f);
    EXPECT(dlopen("libresolv.so.2", RTLD_NOW)); /* as name services are */
    EXPECT(getaddrinfo("localhost", "1883", &hints, &found) == 0);
    freeaddrinfo(found);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(fd >= 0 && bind(fd, (struct sockaddr *)&in, sizeof in) == 0);
    EXPECT(getsockname(fd, (struct sockaddr *)&in, &len) == 0);
    EXPECT(connect(fd, (struct sockaddr *)&in, sizeof in) == 0); /* to itself */
    EXPECT(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    EXPECT(send(fd, "x", 1, MSG_NOSIGNAL) == 1);
    EXPECT(raise(SIGURG) == 0);
    EXPECT(signal(SIGALRM, SIG_IGN) != SIG_ERR);
}

/* --- from outside ----------------------------------------------------------------------------- */

static pid_t start(void (*part)(void))
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        part();
    return pid;
}

/* A process that is confined and then does this. */
static pid_t start_confined(void (*part)(void))
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    const char *unfiltered = link_confine();
    if (unfiltered) {
        fprintf(stderr, "%s\n", unfiltered);
        _exit(77);
    }
    part();
    _exit(0);
}

static void expect_ends(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

static void it_can_do_nothing_else(void **state)
{
    char *text;

    (void)state;
    expect_ends(start_confined(try_everything));
    text = tmpdir_read(file, NULL);
    assert_string_equal(text, "as it was");
    free(text);
}

static void it_can_do_its_work(void **state)
{
    (void)state;
    expect_ends(start_confined(do_what_is_needed));
}

static int ready[2]; /* a pipe */

static void give_up_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    EXPECT(syscall(SYS_capset, &head, none) == 0);
}

static void be_looked_at(void)
{
    EXPECT(write(ready[1], "x", 1) == 1);
    for (;;)
        pause();
}

static void be_open(void)
{
    give_up_capabilities();
    be_looked_at();
}

static void be_confined(void)
{
    (void)!link_confine();
    be_looked_at();
}

/* By one of the same user, without privileges. */
static bool can_look_into(pid_t pid)
{
    char path[64];
    pid_t looker = fork();
    int status;

    assert_true(looker >= 0);
    if (looker == 0) {
        give_up_capabilities();
        snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
        _exit(open(path, O_RDONLY) < 0);
    }
    assert_int_equal(waitpid(looker, &status, 0), looker);
    return status == 0;
}

static void its_memory_is_its_own(void **state)
{
    char x[2];

    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* they look into it themselves */
#endif
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    const pid_t open = start(be_open), confined = start(be_confined);
    assert_int_equal(read(ready[0], x, 1) + read(ready[0], x + 1, 1), 2);
    assert_true(can_look_into(open));
    assert_false(can_look_into(confined));
    assert_int_equal(procfs_kib(confined, "NoNewPrivs"), 1);
    assert_int_equal(procfs_kib(confined, "CapPrm"), 0);
    for (int i = 0; i < 2; i++) {
        kill(i ? open : confined, SIGKILL);
        waitpid(i ? open : confined, NULL, 0);
        close(ready[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_can_do_nothing_else),
        cmocka_unit_test(it_can_do_its_work),
        cmocka_unit_test(its_memory_is_its_own),
    };

    snprintf(file, sizeof file, "%s", tmpdir_write(tmpdir_create(), "file", 0600, "as it was"));
    if (chdir(tmpdir_create()) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
