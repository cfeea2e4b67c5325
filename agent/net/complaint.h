/* complaint.h - what the WebSocket library complains about. Net thread. */
#ifndef AGENT_NET_COMPLAINT_H
#define AGENT_NET_COMPLAINT_H

#include <stdbool.h>

/* Logs a line, but not all that strangers can provoke; one that says that no file descriptor is left
 * for a connection costs a moment. */
void complaint_log(bool error, const char *line);

#endif
