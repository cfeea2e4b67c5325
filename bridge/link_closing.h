/* link_closing.h - who ended the connection of this process: the other end, or the network? */
#ifndef BRIDGE_LINK_CLOSING_H
#define BRIDGE_LINK_CLOSING_H

#include <stdbool.h>

/* Of the socket the library closed last: true when the other end closed or reset it, false when nothing
 * answered any more, or the library gave up. Library's thread, in its callback about the loss. */
bool closing_by_peer(void);

#endif
