/*
 * siege.c - what peers that mean no good do to the others: the same load on the same server before a siege,
 * while another server of the same machine is besieged alike, and during its own. Whoever lays it is a process of its own that has what others leave of the processors: in
 * the field it would have its own.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/load.h"
#include "bench/load_inside.h"
#include "bench/parts.h"
#include "support/deadline.h"

enum { RATE_ASKED = 2000, SITES = 50, BEFORE_MS = 1500 };

/* How many there are: as many as come in numbers, as many as drip, as many as shake hands at once. */
static const size_t sockets[SIEGE_KINDS] = {
    [SIEGE_HEADERS] = 2000,  [SIEGE_BODIES] = 2000,     [SIEGE_SILENT] = 10000,
    [SIEGE_MESSAGES] = 2000, [SIEGE_HANDSHAKES] = 2000, [SIEGE_FLOOD] = 256,
    [SIEGE_TLS_FLOOD] = 256,
};

struct besiegers {
    pid_t pid;
    atomic_size_t *came; /* shared with it */
};

/* Lays it, in a process of its own. */
static void start(struct besiegers *b, enum siege_kind kind, uint16_t port)
{
    b->came =
        mmap(NULL, sizeof *b->came, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b->came == MAP_FAILED || (b->pid = fork()) < 0)
        test_fail("nobody to lay a siege");
    if (b->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (nice(19) == -1)
        _exit(1);
    struct siege *siege = siege_lay(&(struct siege_plan){.kind = kind,
                                                         .port = port,
                                                         .sockets = siege_allow(sockets[kind]),
                                                         .sites = SITES,
                                                         .pace_ms = 250});
    for (;;) {
        siege_turn(siege);
        atomic_store(b->came, siege_came(siege));
        usleep(1000);
    }
}

/* It has been laid for a while when this returns. */
static void besiege(struct besiegers *b, enum siege_kind kind, uint16_t port, struct load *load)
{
    start(b, kind, port);
    for (int64_t until = now_ms() + BEFORE_MS; now_ms() < until;)
        load_serve(load, 50);
}

static void leave_off(struct besiegers *b)
{
    kill(b->pid, SIGKILL);
    waitpid(b->pid, NULL, 0);
    munmap((void *)b->came, sizeof *b->came);
}

static double answers(struct load *load, const struct load_plan *plan, double *p99)
{
    struct load_result *r = test_alloc(sizeof *r);
    load_run(load, plan, r);
    double per_second = (double)r->answers / r->seconds;
    *p99 = histogram_ms(&r->answer, 0.99);
    free(r);
    return per_second;
}

void measure_siege(struct column *c, enum server_kind kind, const struct part *part,
                   const struct sizes *sizes)
{
    const struct load_plan plan = {.seconds = sizes->seconds, .rate = RATE_ASKED};
    const enum siege_kind siege = (enum siege_kind)part->arg;
    struct besiegers besiegers;
    struct server s, other;
    double before, p99_before, p99_other, during, p99;
    server_start(&other, kind);
    server_start(&s, kind);
    struct load *load = load_create(s.port, s.pid, s.wire);
    load_connect(load, LOAD_WRITER, sizes->writers);
    load_settle(load);
    before = answers(load, &plan, &p99_before);
    besiege(&besiegers, siege, other.port, load);
    answers(load, &plan, &p99_other);
    leave_off(&besiegers);
    server_stop(&other);
    besiege(&besiegers, siege, s.port, load);
    size_t came = atomic_load(besiegers.came);
    int64_t since = load_now();
    during = answers(load, &plan, &p99);
    column_set(c, part->first + SIEGE_CAME,
               (double)(atomic_load(besiegers.came) - came) /
                   ((double)(load_now() - since) / (double)SECOND));
    leave_off(&besiegers);
    column_set(c, part->first + SIEGE_ANSWERS, during / before);
    column_set(c, part->first + SIEGE_P99, p99);
    column_set(c, part->first + SIEGE_SLOWER, p99_before > 0 ? p99 / p99_before : 0);
    column_set(c, part->first + SIEGE_OWN, p99_other > 0 ? p99 / p99_other : 0);
    load_destroy(load);
    server_stop(&s);
}
