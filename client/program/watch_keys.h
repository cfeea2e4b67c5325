/* watch_keys.h - what is typed at `studio-client watch`. Pure. */
#ifndef CLIENT_PROGRAM_WATCH_KEYS_H
#define CLIENT_PROGRAM_WATCH_KEYS_H

#include <stddef.h>

enum watch_key {
    KEY_NONE,
    KEY_QUIT,
    KEY_UP,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_FIRST,
    KEY_LAST
};

/* The key at the beginning of what was typed; *len are its bytes, at least 1. len > 0. */
enum watch_key watch_key_of(const char *typed, size_t typed_len, size_t *len);

/* The first row shown after a key, of `count` rows with room for `room`. */
size_t watch_scroll(enum watch_key key, size_t top, size_t count, size_t room);

#endif
