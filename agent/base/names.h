/* names.h - what may be a name: the one place of the alphabets of protocol sections 2 to 4. Pure; any
 * thread. `text` need not be NUL-terminated. */
#ifndef AGENT_BASE_NAMES_H
#define AGENT_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* A table: `[A-Za-z0-9][A-Za-z0-9.-]{0,63}` */
bool name_is_table(const char *text, size_t len);

/* A device: 1-64 bytes of UTF-8 without control characters. */
bool name_is_device(const char *text, size_t len);

/* A custom field: `[A-Za-z_][A-Za-z0-9_.-]{0,63}` */
bool name_is_custom(const char *text, size_t len);

/* A value of a list: `[A-Za-z0-9_-]{1,32}` */
bool name_is_value(const char *text, size_t len);

/* A token: 4-128 of `[A-Za-z0-9._~-]` */
bool name_is_token(const char *text, size_t len);

/* An agent or a client of MQTT: `[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}` */
bool name_is_client(const char *text, size_t len);

/* A client name of the bytes of `text` that one may have, "studio" if none is. */
enum { NAME_CLIENT_MAX = 64 };
void name_make_client(const char *text, char out[NAME_CLIENT_MAX + 1]);

#endif
