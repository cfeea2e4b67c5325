/*
 * listener.h - an MQTT 3.1.1 subscriber on a raw socket: the change events as they arrive.
 *
 * QoS 0 on loopback: nothing to acknowledge, as light as it can be, so that the load generator does
 * not become what is measured.
 */
#ifndef TESTS_BENCH_LISTENER_H
#define TESTS_BENCH_LISTENER_H

#include <stddef.h>
#include <stdint.h>

struct listener;

/* Called for each change event: the number after the `B-` of its table, and its revision. */
typedef void listener_fn(void *user, unsigned long table, uint64_t rev);

/* Subscribed when it returns. The socket is non-blocking. */
struct listener *listener_open(uint16_t broker_port, listener_fn *on_event, void *user);
void listener_close(struct listener *listener);

int listener_fd(const struct listener *listener);

/* Reads what is there. */
void listener_read(struct listener *listener);

#endif
