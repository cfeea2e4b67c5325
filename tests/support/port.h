/*
 * port.h - TCP ports that nobody else gets while a test needs them.
 *
 * A reserved port is held by a bound socket that does not listen: bind(0) of another process never
 * yields it and no outgoing connection starts from it, while a server that sets SO_REUSEADDR can
 * listen on it, stop, and listen again.
 */
#ifndef TESTS_SUPPORT_PORT_H
#define TESTS_SUPPORT_PORT_H

#include <stdbool.h>
#include <stdint.h>

struct port {
    uint16_t number;
    int fd;  /* 127.0.0.1 */
    int fd6; /* ::1, or -1 where there is no IPv6 */
};

/* A free port of both loopback addresses. */
void port_reserve(struct port *port);
void port_release(struct port *port);

/* Listens on the port itself, so that it is in use (release with port_release). */
void port_occupy(struct port *port);

/* Connects to an IPv4 address; -1 when nothing listens there. The socket blocks and has TCP_NODELAY. */
int port_connect_to(const char *address, uint16_t number);
/* The same to 127.0.0.1. */
int port_connect(uint16_t number);

#endif
