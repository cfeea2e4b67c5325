/*
 * link_gather.c - the library makes a system call for each message it writes, five for each
 * acknowledgement it reads, and wakes a thread for each. So the linker puts functions of
 * ours in the place of those it calls for that (CMakeLists.txt). Names and types are those of the
 * library's archive, version 1.3.12. TLS does not pass here: OpenSSL has calls of its own.
 *
 * Locks: the library's before ours, which is held for one call of the kernel that does not wait.
 */
#include "link_gather.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

ssize_t __wrap_recv(int socket, void *bytes, size_t len, int flags);
ssize_t __real_recv(int socket, void *bytes, size_t len, int flags);
ssize_t __wrap_writev(int socket, const struct iovec *parts, int count);
ssize_t __real_writev(int socket, const struct iovec *parts, int count);
int __wrap_Thread_signal_cond(void *cond);
int __wrap_Thread_wait_cond(void *cond, int ms);

enum {
    IN_MAX = 16 << 10,
    OUT_MAX = 64 << 10,
    OUT_FULL = 32 << 10, /* so much is written at once; a message as large goes as it is */
    BLOCKED_MS = 100
};

static atomic_uint patience_us;
static atomic_bool noted, asleep; /* the sending thread: has work, and may sleep */
static struct {
    pthread_mutex_t lock; /* guards all but the next four lines, which stay */
    bool on;
    void (*idle)(void);
    void (*sleep)(int blocked, int ms);
    int wake;
    int socket; /* whose bytes these are; 0: nobody's */
    size_t in_begin, in_end, out_len;
    int error; /* of the last write, for the library's next one */
    char in[IN_MAX], out[OUT_MAX];
} g = {.lock = PTHREAD_MUTEX_INITIALIZER};

void gather_start(void (*idle)(void), void (*sleep)(int blocked, int ms), int wake)
{
    g.idle = idle;
    g.sleep = sleep;
    g.wake = wake;
    g.on = true;
}

/* With the lock held. The library has one connection at a time. */
static void belong_to(int socket)
{
    const int yes = 1;

    if (socket == g.socket)
        return;
    g.socket = socket;
    g.in_begin = g.in_end = g.out_len = 0;
    g.error = 0;
    if (socket > 0) /* what is written is a batch already */
        (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

/* --- writing --------------------------------------------------------------------------------- */

/* With the lock held. */
static void write_out(void)
{
    ssize_t n;

    if (g.out_len == 0)
        return;
    do
        n = send(g.socket, g.out, g.out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN) {
        g.error = errno;
        g.out_len = 0;
    }
    if (n <= 0)
        return;
    g.out_len -= (size_t)n;
    memmove(g.out, g.out + n, g.out_len);
}

static void add(const struct iovec *parts, int count)
{
    for (int i = 0; i < count; i++) {
        if (parts[i].iov_len == 0)
            continue;
        memcpy(g.out + g.out_len, parts[i].iov_base, parts[i].iov_len);
        g.out_len += parts[i].iov_len;
    }
}

/* With the lock held. */
static ssize_t gather(int socket, const struct iovec *parts, int count)
{
    size_t size = 0;

    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    belong_to(socket);
    if (g.out_len + size > OUT_FULL)
        write_out();
    if (g.error) {
        errno = g.error;
        return -1;
    }
    if (g.out_len == 0 && size >= OUT_FULL)
        return __real_writev(socket, parts, count);
    if (g.out_len + size > OUT_MAX) {
        errno = EAGAIN;
        return -1;
    }
    add(parts, count);
    return (ssize_t)size;
}

ssize_t __wrap_writev(int socket, const struct iovec *parts, int count)
{
    ssize_t n;

    if (!g.on)
        return __real_writev(socket, parts, count);
    pthread_mutex_lock(&g.lock);
    n = gather(socket, parts, count);
    pthread_mutex_unlock(&g.lock);
    return n;
}

/* The socket that takes no more now; -1 if nothing is left. */
static int flush(void)
{
    int blocked;

    pthread_mutex_lock(&g.lock);
    write_out();
    blocked = g.out_len > 0 ? g.socket : -1;
    pthread_mutex_unlock(&g.lock);
    return blocked;
}

void gather_flush(void)
{
    if (flush() >= 0) /* it sleeps until there is room */
        (void)__wrap_Thread_signal_cond(NULL);
}

void gather_idle(void)
{
    gather_flush();
    if (g.on)
        g.idle();
}

void gather_close(int socket)
{
    pthread_mutex_lock(&g.lock);
    if (socket == g.socket) {
        write_out();
        belong_to(0);
    }
    pthread_mutex_unlock(&g.lock);
}

/* --- reading --------------------------------------------------------------------------------- */

/* With the lock held. */
static ssize_t read_ahead(int socket, char *bytes, size_t len)
{
    size_t have;

    belong_to(socket);
    if (g.in_begin == g.in_end) {
        ssize_t n = len < IN_MAX ? __real_recv(socket, g.in, IN_MAX, MSG_DONTWAIT)
                                 : __real_recv(socket, bytes, len, MSG_DONTWAIT);

        if (n <= 0 || len >= IN_MAX)
            return n;
        g.in_begin = 0;
        g.in_end = (size_t)n;
    }
    have = g.in_end - g.in_begin;
    if (len > have)
        len = have;
    memcpy(bytes, g.in + g.in_begin, len);
    g.in_begin += len;
    return (ssize_t)len;
}

/* The library reads without flags; the receipt of nothing is how it closes. */
ssize_t __wrap_recv(int socket, void *bytes, size_t len, int flags)
{
    ssize_t n;

    if (!g.on || flags != 0 || len == 0)
        return __real_recv(socket, bytes, len, flags);
    pthread_mutex_lock(&g.lock);
    n = read_ahead(socket, bytes, len);
    pthread_mutex_unlock(&g.lock);
    return n;
}

void gather_patience(unsigned us)
{
    atomic_store(&patience_us, us);
}

/* A broker writes each acknowledgement by itself, and would wake us for each. */
void gather_wait(void)
{
    unsigned us = atomic_load(&patience_us);

    if (us > 0)
        (void)nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

int gather_readable(void)
{
    int socket;

    pthread_mutex_lock(&g.lock);
    socket = g.in_begin < g.in_end ? g.socket : 0;
    pthread_mutex_unlock(&g.lock);
    return socket;
}

/* --- the library's sending thread ------------------------------------------------------------ */

bool gather_asleep(void)
{
    atomic_store(&asleep, true);
    return !atomic_load(&noted);
}

void gather_awake(void)
{
    atomic_store(&asleep, false);
}

int __wrap_Thread_signal_cond(void *cond)
{
    (void)cond; /* it has one */
    atomic_store(&noted, true);
    return atomic_load(&asleep) && eventfd_write(g.wake, 1) != 0 ? errno : 0;
}

/* Unlike the library's own, it forgets no signal that came just before it: that cost a second. */
int __wrap_Thread_wait_cond(void *cond, int ms)
{
    int blocked;

    (void)cond;
    g.idle();
    blocked = flush();
    g.sleep(blocked, blocked < 0 || ms < BLOCKED_MS ? ms : BLOCKED_MS);
    return atomic_exchange(&noted, false) ? 0 : ETIMEDOUT;
}
