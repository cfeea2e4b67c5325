/* link_closing.h - why the connection of this process ended, or did not come about. */
#ifndef BRIDGE_LINK_CLOSING_H
#define BRIDGE_LINK_CLOSING_H

#include <stdbool.h>
#include <stddef.h>

#include "link.h"

/* Of the socket the library closed last: true when the other end closed or reset it, false when nothing
 * answered any more, or the library gave up. Library's thread, in its callback about the loss. */
bool closing_by_peer(void);
/* Fills in why an attempt failed: `text`, `closed`, `reached`. `message` is what the library says of it, NULL if
 * nothing; the `reason` is the broker's, 0 if it gave none. Library's thread, in its callback about the attempt. */
void closing_failed(struct link_event *event, const char *message);
/* Is to be told OpenSSL's complaints, a line each: a callback of the library's. */
int closing_complaint(const char *text, size_t len, void *ctx);

#endif
