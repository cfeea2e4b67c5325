/* broker_lines.h - what Mosquitto is to be told of a user of ours: a line of its password file, and lines of its
 * access list. Any thread. */
#ifndef AGENT_AUTH_BROKER_LINES_H
#define AGENT_AUTH_BROKER_LINES_H

#include <stdbool.h>

#include "auth/role.h"
#include "base/buf.h"

/* `<user>:$7$…`, salted PBKDF2 of SHA-512 as mosquitto_passwd makes it, and with more rounds of a password that was
 * `chosen`: who gets to see the line guesses those. False: no random bytes. */
bool broker_password_line(struct buf *out, const char *user, const char *password, bool chosen);

/*
 * What a role may: a device reads its own table (that of its id) and commands it, a viewer reads all, an
 * operator commands all, each only in its own name; those two ask for replays. `root` is mqtt.topic_root.
 */
void broker_access_lines(struct buf *out, const char *user, enum role role, const char *root);
/* What the agent itself needs, whose login is `user`. */
void broker_agent_lines(struct buf *out, const char *user, const char *root);

#endif
