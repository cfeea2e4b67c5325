#include "net/guests.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/networks.h"

struct guest_site {
    struct guest *oldest; /* first of its list */
    size_t count;
    bool shared;
    struct guest_site *prev, *next; /* among those with as many */
    UT_hash_handle hh;
    char name[PEER_TEXT_MAX + 1];
};

struct guests {
    size_t per_site, count;
    struct guest_site *sites;
    struct guest_site *levels[GUESTS_MAX + 1]; /* by how many they have, from 1 on */
    size_t top;                                /* the highest that is not empty */
};

struct guests *guests_create(size_t per_site)
{
    struct guests *guests = calloc(1, sizeof(*guests));

    if (guests)
        guests->per_site = per_site < GUESTS_MAX ? per_site : GUESTS_MAX;
    return guests;
}

void guests_destroy(struct guests *guests)
{
    free(guests);
}

size_t guests_count(const struct guests *guests)
{
    return guests->count;
}

static struct guest_site *site_of(struct guests *guests, const char *name)
{
    struct guest_site *site;

    HASH_FIND_STR(guests->sites, name, site);
    if (site)
        return site;
    site = calloc(1, sizeof(*site));
    if (!site)
        return NULL;
    strncpy(site->name, name, PEER_TEXT_MAX);
    HASH_ADD_STR(guests->sites, name, site);
    if (!site->hh.tbl) {
        free(site);
        return NULL;
    }
    return site;
}

static void set_count(struct guests *guests, struct guest_site *site, size_t count)
{
    if (site->count > 0)
        DL_DELETE(guests->levels[site->count], site);
    site->count = count;
    if (count > 0 && count <= GUESTS_MAX)
        DL_APPEND(guests->levels[count], site);
    if (count > guests->top)
        guests->top = count;
    while (guests->top > 0 && !guests->levels[guests->top])
        guests->top--;
}

void guests_remove(struct guests *guests, struct guest *guest)
{
    struct guest_site *site = guest->site;

    if (!site)
        return;
    guest->site = NULL;
    DL_DELETE(site->oldest, guest);
    guests->count--;
    set_count(guests, site, site->count - 1);
    if (site->count > 0)
        return;
    HASH_DEL(guests->sites, site);
    free(site);
}

struct guest *guests_add(struct guests *guests, struct guest *guest, const char *name, bool shared,
                         bool full, bool *in)
{
    struct guest_site *site;
    struct guest *leaving = NULL;

    HASH_FIND_STR(guests->sites, name, site);
    if (site && !shared && site->count >= guests->per_site)
        leaving = site->oldest;
    else if ((full || guests->count == GUESTS_MAX) && guests->top > 0)
        leaving = guests->levels[guests->top]->oldest;
    if (leaving)
        guests_remove(guests, leaving);
    site = leaving || !full ? site_of(guests, name) : NULL;
    *in = site != NULL;
    if (!site)
        return leaving;
    guest->site = site;
    DL_APPEND(site->oldest, guest);
    guests->count++;
    set_count(guests, site, site->count + 1);
    site->shared = shared;
    return leaving;
}

bool guests_displace_own(const struct guests *guests, const char *name)
{
    const struct guest_site *site;

    HASH_FIND_STR(guests->sites, name, site);
    return site && !site->shared &&
           (site->count >= guests->per_site ||
            (guests->count == GUESTS_MAX && site->count == guests->top));
}

bool guests_crowded(const struct guests *guests, int64_t ms)
{
    const struct guest_site *most = guests->levels[guests->top];

    return guests->count >= GUESTS_CROWD && (most->shared || most->count <= GUESTS_FEW) &&
           most->oldest->since_ms > ms;
}
