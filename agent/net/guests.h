/*
 * guests.h - the sockets of those who have not said who they are: so many from one site and so many in
 * all. There is always room for one more: the oldest of its own site makes it, or the oldest of the site
 * that has most. So who floods displaces himself, and one who comes alone is not displaced while
 * others come in numbers. When all of a crowd come alone, the next ones had better wait outside until
 * those who are in have had their time. Net thread only; knows no library.
 */
#ifndef AGENT_NET_GUESTS_H
#define AGENT_NET_GUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GUESTS_MAX = 1024,
    GUESTS_CROWD = 768, /* what is left is for those who cannot be told to wait */
    GUESTS_FEW = 8      /* of one site: they need not be a flood */
};

struct guests;
struct guest_site;

/* Part of what is kept of a socket; zeroed it is no guest. */
struct guest {
    struct guest *prev, *next;
    struct guest_site *site;
    int64_t since_ms; /* when it came; the caller's */
};

/* `per_site` at most GUESTS_MAX. NULL: out of memory. */
struct guests *guests_create(size_t per_site);
/* There are none any more. NULL does nothing. */
void guests_destroy(struct guests *guests);
size_t guests_count(const struct guests *guests);

/*
 * One more, of a site (PEER_TEXT_MAX characters at most). `full`: even if there are not GUESTS_MAX, one
 * has to go. `shared`: many come from there (a proxy): it may have any number. Returns who has made
 * room and is a guest no more, NULL if nobody had to. *in false: no memory, or full of others than
 * guests; it is no guest.
 */
struct guest *guests_add(struct guests *guests, struct guest *guest, const char *site, bool shared,
                         bool full, bool *in);
/* The next one of this site takes the place of one of its own: it has all it may have, or most of all when there
 * are GUESTS_MAX. */
bool guests_displace_own(const struct guests *guests, const char *site);
/* Whether the next one had better wait: there is a crowd, and who would have to go at last is one of few of
 * his site, or comes through a proxy, and has come after `ms`. */
bool guests_crowded(const struct guests *guests, int64_t ms);
/* It has said who it is, or is gone. One that is no guest is left alone. */
void guests_remove(struct guests *guests, struct guest *guest);

#endif
