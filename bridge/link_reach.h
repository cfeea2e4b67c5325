/* link_reach.h - the way to the broker: which of its addresses the library is connected to. */
#ifndef BRIDGE_LINK_REACH_H
#define BRIDGE_LINK_REACH_H

#include <stdbool.h>

enum { REACH_MS = 10000 /* for all addresses together */ };

/* Addresses to be tried last, as link_target.last; before the attempt. The text has to stay. */
void reach_last(const char *addresses);
/* The address that is connected, in numbers; "" if none is. Like reach_trouble. */
const char *reach_address(void);
/* Why there is no way, for a person; NULL: there is one. Library's thread, in its callback about the
 * attempt. */
const char *reach_trouble(void);
/* `address` (HOST[:PORT], [V6][:PORT]) is a number, not a name. */
bool reach_numeric(const char *address);

#endif
