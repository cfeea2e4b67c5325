/* socket_unit.h - does systemd listen for the agent of this machine? Then it is handed those sockets, and websocket.listen does
 * not count; who looks at a configuration from outside sees the latter alone. */
#ifndef AGENT_CMD_SOCKET_UNIT_H
#define AGENT_CMD_SOCKET_UNIT_H

#include <stdbool.h>
#include <stddef.h>

enum { SOCKET_UNIT_WORDS_MAX = 1024 };

/* A sentence about it. False: it does not. Asks systemctl, which there may not be. */
bool socket_unit_words(char out[SOCKET_UNIT_WORDS_MAX]);

#endif
