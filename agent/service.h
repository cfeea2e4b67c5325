/*
 * service.h - the service manager that started this process, if one did: what it hands over and
 * what it is told.
 *
 * systemd's protocol, sd_listen_fds(3) and sd_notify(3): descriptors from 3 on, datagrams of lines. It is spoken by
 * hand, as the manual allows: libsystemd would bring five more libraries into the process, three of them for
 * compression, to send one datagram.
 */
#ifndef AGENT_SERVICE_H
#define AGENT_SERVICE_H

#include <sys/socket.h>
#include <sys/un.h>

#include <stdbool.h>
#include <stdint.h>

#include "config/settings.h"
#include "net/handed.h"

struct service {
    int fd; /* -1: nobody is to be told anything */
    struct sockaddr_un address;
    socklen_t address_len;
    int64_t watchdog_ms; /* by then it wants a sign of life; 0: it does not */
    struct handed handed;
};

/* From the environment. One who cannot be told is warned of in the log. */
void service_init(struct service *service);
/* Sockets that are handed over take the place of websocket.listen in `config`. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err service_sockets(struct service *service,
                                                struct studio_agent_config *config,
                                                struct studio_error *error);

/* Any thread, and `service` may be NULL. Lines of NAME=VALUE. The net thread does not wait for the manager
 * (`wait` false): false: it takes nothing just now. Others wait some seconds. */
bool service_tell(const struct service *service, const char *lines, bool wait);

/* A reload begins, and has ended: what it came to stands in the log. Any thread but the net thread. */
void service_reloading(const struct service *service);
void service_reloaded(const struct service *service);

#endif
