/*
 * link_confine.c - privileges, memory, and the calls of the kernel that are left.
 *
 * What is not in the lists below is answered as by a kernel that does not have it (ENOSYS): a C library
 * newer than these lists then does what it would do on an older kernel. With EPERM it would give up.
 */
#include "link_confine.h"

#include <linux/capability.h>
#include <malloc.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MEMORY_MAX = 256 << 20 /* bytes of data; a few MB are used */ };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
#else
enum { SANITIZED = 0 };
#endif

static void give_up_privileges(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    const struct rlimit no_core = {0, 0}, memory = {MEMORY_MAX, MEMORY_MAX};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    syscall(SYS_capset, &head, none);
    setrlimit(RLIMIT_CORE, &no_core);
    if (SANITIZED)
        return;
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a password is in our memory */
    setrlimit(RLIMIT_DATA, &memory);
    mallopt(M_ARENA_MAX, 1);
}

#ifdef STUDIO_SECCOMP
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* By name: which of them there are, and under which number, is each machine's own. */
static const char *const allowed[] = {
    /* memory */
    "brk", "madvise", "membarrier", "mremap", "munmap",
    /* threads and signals */
    "arch_prctl", "cacheflush", "exit", "exit_group", "futex", "futex_time64", "getpid", "gettid",
    "restart_syscall", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "sched_getaffinity", "sched_yield", "set_robust_list", "set_tid_address", "set_tls",
    "sigaltstack", "sigreturn",
    /* time, and waiting */
    "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep",
    "clock_nanosleep_time64", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2",
    "getrusage", "gettimeofday", "nanosleep", "_newselect", "pause", "poll", "ppoll",
    "ppoll_time64", "pselect6", "pselect6_time64", "select", "time",
    /* connections, none of which are accepted */
    "bind", "connect", "getpeername", "getsockname", "getsockopt", "recv", "recvfrom", "recvmmsg",
    "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    /* what is open, and reading */
    "access", "close", "dup", "faccessat", "faccessat2", "fcntl", "fcntl64", "fstat", "fstat64",
    "fstatat64", "getcwd", "getdents64", "_llseek", "lseek", "lstat", "lstat64", "newfstatat",
    "pread64", "read", "readlink", "readlinkat", "readv", "stat", "stat64", "statx", "write",
    "writev",
    /* who and where we are */
    "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getrandom", "getrlimit",
    "getuid", "getuid32", "sysinfo", "ugetrlimit", "uname"};

#define BITS(n, mask, value)                                                                       \
    {                                                                                              \
        .arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (value)                \
    }
#define IS(n, value) BITS(n, 0xffffffffu, value) /* an int */
#define TYPE(value)  BITS(1, 0xfu, value)        /* of a socket, without its flags */
enum { FOR_WRITING = O_ACCMODE | O_CREAT | O_TRUNC };

/* Allowed if each of the arguments is so; several rows for a call: or so. */
static const struct {
    const char *call;
    unsigned count;
    struct scmp_arg_cmp args[2];
} conditions[] = {
    /* files: to be read */
    {"open", 1, {BITS(1, FOR_WRITING, O_RDONLY)}},
    {"openat", 1, {BITS(2, FOR_WRITING, O_RDONLY)}},
    /* memory: never to be both written and run */
    {"mmap", 1, {BITS(2, PROT_WRITE, 0)}},
    {"mmap", 1, {BITS(2, PROT_EXEC, 0)}},
    {"mmap2", 1, {BITS(2, PROT_WRITE, 0)}},
    {"mmap2", 1, {BITS(2, PROT_EXEC, 0)}},
    {"mprotect", 1, {BITS(2, PROT_WRITE, 0)}},
    {"mprotect", 1, {BITS(2, PROT_EXEC, 0)}},
    /* sockets: the broker's, and those by which names are looked up; the last tells which addresses we have */
    {"socket", 2, {IS(0, AF_INET), TYPE(SOCK_STREAM)}},
    {"socket", 2, {IS(0, AF_INET), TYPE(SOCK_DGRAM)}},
    {"socket", 2, {IS(0, AF_INET6), TYPE(SOCK_STREAM)}},
    {"socket", 2, {IS(0, AF_INET6), TYPE(SOCK_DGRAM)}},
    {"socket", 2, {IS(0, AF_UNIX), TYPE(SOCK_STREAM)}},
    {"socket", 2, {IS(0, AF_UNIX), TYPE(SOCK_DGRAM)}},
    {"socket", 2, {IS(0, AF_NETLINK), IS(2, 0)}},
    {"ioctl", 1, {IS(1, FIONREAD)}},
    {"ioctl", 1, {IS(1, FIONBIO)}},
    {"ioctl", 1, {IS(1, SIOCGIFINDEX)}},
    {"ioctl", 1, {IS(1, SIOCGIFNAME)}},
    {"ioctl", 1, {IS(1, TCGETS)}},
    /* threads, no processes; clone3 cannot be looked into, and without it a C library takes this */
    {"clone", 1, {BITS(0, CLONE_THREAD, CLONE_THREAD)}},
    /* names: of threads, of memory */
    {"prctl", 1, {IS(0, PR_SET_NAME)}},
    {"prctl", 1, {IS(0, PR_SET_VMA)}},
    /* limits: to be read */
    {"prlimit64", 1, {{.arg = 2, .op = SCMP_CMP_EQ}}},
};

/* What this machine does not have, or its libseccomp does not know, is passed over. */
static int allow(scmp_filter_ctx filter, const char *call, unsigned count,
                 const struct scmp_arg_cmp *args)
{
    const int number = seccomp_syscall_resolve_name(call);

    return number == __NR_SCMP_ERROR
               ? 0
               : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, count, args);
}

static int allow_all(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp ourselves = IS(0, (scmp_datum_t)getpid());
    int rc = allow(filter, "tgkill", 1, &ourselves);

    for (size_t i = 0; rc == 0 && i < sizeof(allowed) / sizeof(*allowed); i++)
        rc = allow(filter, allowed[i], 0, NULL);
    for (size_t i = 0; rc == 0 && i < sizeof(conditions) / sizeof(*conditions); i++)
        rc = allow(filter, conditions[i].call, conditions[i].count, conditions[i].args);
    return rc;
}

static const char *filter_calls(void)
{
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    const char *why = NULL;

    if (!filter || allow_all(filter) != 0)
        why = "no filter for the kernel's calls could be made";
    else if (seccomp_load(filter) != 0)
        why = "the kernel takes no filter for its calls";
    seccomp_release(filter);
    return why;
}
#else
static const char *filter_calls(void)
{
    return "the kernel's calls are not filtered: built without libseccomp";
}
#endif

const char *link_confine(void)
{
    give_up_privileges();
    /* A sanitizer does at the end what no link does. */
    return SANITIZED ? "the kernel's calls are not filtered under a sanitizer" : filter_calls();
}
