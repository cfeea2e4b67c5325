/* load_inside.h - the load generator's clients, for the two files that drive them. */
#ifndef TESTS_BENCH_LOAD_INSIDE_H
#define TESTS_BENCH_LOAD_INSIDE_H

#include "bench/listener.h"
#include "bench/load.h"

enum {
    CONNS_MAX = 16384,
    CONNECTING_MAX = 64, /* handshakes at once: below everyone's backlog */
    IN_FLIGHT = 256,     /* per writer; so few that the socket always takes them */
    SENT = 16384,        /* times of sending that are kept, per writer, for events to come */
    READ_MAX = 1 << 18,
};
#define SECOND INT64_C(1000000000)

enum state { CONNECTING, HANDSHAKE, GREETING, READY };

/* What only writers have. */
struct writer {
    uint64_t sent, answered, arrived;
    uint64_t first_rev; /* the revision before the first update */
    int64_t sent_at[SENT];
};

struct conn {
    int fd; /* -1: none */
    enum state state;
    bool tabled; /* of load_tables: one update when it is ready, closed with its answer */
    size_t number;
    struct wire_client client;
    struct writer *writer;
    unsigned char *rest; /* the start of a frame whose end has not come */
    size_t rest_len;
};

struct load {
    uint16_t port;
    pid_t pid;
    int epoll;
    const struct wire *wire;
    size_t count, ready;
    uint64_t pushes;
    size_t writers[CONNS_MAX], writer_count;
    struct listener *listener;
    unsigned window;            /* what an answer is followed by; 0: nothing */
    struct load_result *result; /* NULL while nothing is measured */
    bool storming;              /* who is refused comes again */
    uint64_t refused;
    size_t tables_done;
    struct conn conns[CONNS_MAX];
    unsigned char buf[READ_MAX];
};

int64_t load_now(void);

/* Waits at most so long for something and serves what there is. */
void load_serve(struct load *load, int timeout_ms);

/* Sends `n` updates at once, fewer if too many are in flight. */
void load_send(struct load *load, struct conn *conn, unsigned n);

/* Starts a connection in this place, from this address of 127.0.0.0/8 in host order (0: any). */
void load_open(struct load *load, struct conn *conn, uint32_t from);
void load_close(struct load *load, struct conn *conn);

/* Whether each update has its answer, and its event where there is a listener. */
bool load_all_here(const struct load *load);

#endif
