/*
 * hosts.h - machines that are network namespaces on one bridge, in a network of this program's own:
 * nothing of it is seen outside, and it is gone with the program, however that ends.
 *
 * The program itself is the host `c`. A cut is silent: what is sent to a host that is cut off goes to
 * an address nobody has, as on a wire that was pulled.
 */
#ifndef TESTS_FAULT_TWO_HOSTS_H
#define TESTS_FAULT_TWO_HOSTS_H

#include <stdbool.h>

enum host {
    HOST_A, /* agents */
    HOST_B,
    HOST_P, /* databases */
    HOST_S,
    HOST_M, /* the broker */
    HOST_C, /* clients: here */
    HOST_COUNT
};

/* May this user have them here? To be called before there are threads; the program is in its own
 * network afterwards. */
bool hosts_make(void);

const char *host_name(enum host host);    /* a */
const char *host_address(enum host host); /* 10.77.0.1 */
/* What to put before a command so that it runs there, under the host's own name; ends with NULL. */
const char *const *host_in(enum host host);

/* Between two of them nothing goes through any more, and again. */
void hosts_cut(enum host one, enum host other);
void hosts_join(enum host one, enum host other);
void hosts_heal(void);

/* This signal to all processes there. Not for `c`. */
void host_signal(enum host host, int sig);
/* SIGKILL to all processes there, until there are none. */
void host_kill(enum host host);

#endif
