#include "auth/rates.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct rate {
    struct bucket bucket;
    size_t held;
    struct rate *prev, *next; /* in `idle` */
    UT_hash_handle hh;
    char name[];
};

struct rates {
    struct rate *all;
    struct rate *idle; /* held by nobody, the one that was left first is first */
    size_t idle_count, idle_max;
};

struct rates *rates_create(size_t idle)
{
    struct rates *rates = calloc(1, sizeof(*rates));

    if (rates)
        rates->idle_max = idle;
    return rates;
}

static void set_idle(struct rates *rates, struct rate *rate, bool idle)
{
    if (idle) {
        DL_APPEND(rates->idle, rate);
        rates->idle_count++;
    } else {
        DL_DELETE(rates->idle, rate);
        rates->idle_count--;
    }
}

static void forget(struct rates *rates, struct rate *rate)
{
    set_idle(rates, rate, false);
    HASH_DEL(rates->all, rate);
    free(rate);
}

void rates_destroy(struct rates *rates)
{
    if (!rates)
        return;
    while (rates->idle)
        forget(rates, rates->idle);
    free(rates);
}

static struct rate *add(struct rates *rates, const char *name)
{
    size_t len = strlen(name);
    struct rate *rate = calloc(1, sizeof(*rate) + len + 1);

    if (!rate)
        return NULL;
    memcpy(rate->name, name, len + 1);
    HASH_ADD_KEYPTR(hh, rates->all, rate->name, len, rate);
    if (rate->hh.tbl)
        return rate;
    free(rate);
    return NULL;
}

struct rate *rates_hold(struct rates *rates, const char *name)
{
    struct rate *rate;

    HASH_FIND_STR(rates->all, name, rate);
    if (rate && rate->held == 0)
        set_idle(rates, rate, false);
    if (!rate)
        rate = add(rates, name);
    if (rate)
        rate->held++;
    return rate;
}

void rates_leave(struct rates *rates, struct rate *rate)
{
    if (!rate || --rate->held > 0)
        return;
    set_idle(rates, rate, true);
    if (rates->idle_count > rates->idle_max)
        forget(rates, rates->idle);
}

struct bucket *rate_bucket(struct rate *rate)
{
    return rate ? &rate->bucket : NULL;
}
