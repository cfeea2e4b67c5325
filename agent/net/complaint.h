/* complaint.h - what the WebSocket library complains about. Net thread. */
#ifndef AGENT_NET_COMPLAINT_H
#define AGENT_NET_COMPLAINT_H

#include <stdbool.h>

/* Logs a line, but not all that strangers can provoke. */
void complaint_log(bool error, const char *line);

#endif
