/* link_closing.h - why the connection of this process ended, or did not come about. */
#ifndef BRIDGE_LINK_CLOSING_H
#define BRIDGE_LINK_CLOSING_H

#include <stdbool.h>

/* Of the socket the library closed last: true when the other end closed or reset it, false when nothing
 * answered any more, or the library gave up. Library's thread, in its callback about the loss. */
bool closing_by_peer(void);
/* Why there is no TLS: what is wrong with the certificate of the other end, or with ours to it; NULL: nothing
 * known. */
const char *closing_tls(void);

#endif
