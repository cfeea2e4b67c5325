#include "core/presence.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/times.h"
#include "studio/status.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

struct seat { /* a table somebody is connected for */
    char table_id[STUDIO_TABLE_ID_MAX + 1];
    size_t count;
    struct user *users; /* shown ones, oldest first */
    UT_hash_handle hh;
};

struct user {
    size_t connections;
    size_t shown; /* connections that stand in the presence of `seat` */
    int64_t since_ms;
    struct seat *seat; /* NULL while shown is 0 */
    struct user *prev, *next;
    UT_hash_handle hh;
    char id[];
};

struct presence {
    struct user *users;
    struct seat *seats;
};

struct presence *presence_create(void)
{
    return calloc(1, sizeof(struct presence));
}

void presence_destroy(struct presence *presence)
{
    struct user *user, *next_user;
    struct seat *seat, *next_seat;

    if (!presence)
        return;
    HASH_ITER(hh, presence->users, user, next_user)
    {
        HASH_DEL(presence->users, user);
        free(user);
    }
    HASH_ITER(hh, presence->seats, seat, next_seat)
    {
        HASH_DEL(presence->seats, seat);
        free(seat);
    }
    free(presence);
}

static struct user *user_find(const struct presence *presence, const char *id)
{
    struct user *user;

    HASH_FIND_STR(presence->users, id, user);
    return user;
}

static struct seat *seat_find(const struct presence *presence, const char *table_id)
{
    struct seat *seat;

    HASH_FIND_STR(presence->seats, table_id, seat);
    return seat;
}

static struct user *user_add(struct presence *presence, const char *id)
{
    size_t len = strlen(id);
    struct user *user = calloc(1, sizeof(*user) + len + 1);

    if (!user)
        return NULL;
    memcpy(user->id, id, len + 1);
    HASH_ADD_KEYPTR(hh, presence->users, user->id, len, user);
    if (!user->hh.tbl) {
        free(user);
        return NULL;
    }
    return user;
}

static struct seat *seat_add(struct presence *presence, const char *table_id)
{
    struct seat *seat = calloc(1, sizeof(*seat));
    size_t len = strlen(table_id);

    if (!seat)
        return NULL;
    memcpy(seat->table_id, table_id, len + 1);
    HASH_ADD_KEYPTR(hh, presence->seats, seat->table_id, len, seat);
    if (!seat->hh.tbl) {
        free(seat);
        return NULL;
    }
    return seat;
}

static void user_drop(struct presence *presence, struct user *user)
{
    if (user->connections > 0)
        return;
    HASH_DEL(presence->users, user);
    free(user);
}

bool presence_join(struct presence *presence, const char *user_id, const char *table_id, bool shown,
                   int64_t wall_ms, bool *changed)
{
    struct user *user = user_find(presence, user_id);

    *changed = false;
    if (!user && !(user = user_add(presence, user_id)))
        return false;
    if (shown && user->shown == 0) {
        struct seat *seat = seat_find(presence, table_id);
        if (!seat && !(seat = seat_add(presence, table_id))) {
            user_drop(presence, user);
            return false;
        }
        user->seat = seat;
        user->since_ms = wall_ms;
        DL_APPEND(seat->users, user);
        seat->count++;
        *changed = true;
    }
    user->shown += shown;
    user->connections++;
    return true;
}

bool presence_leave(struct presence *presence, const char *user_id, bool shown)
{
    struct user *user = user_find(presence, user_id);
    bool changed = false;

    if (!user)
        return false;
    user->connections--;
    if (shown && --user->shown == 0) {
        struct seat *seat = user->seat;
        DL_DELETE(seat->users, user);
        if (--seat->count == 0) {
            HASH_DEL(presence->seats, seat);
            free(seat);
        }
        changed = true;
    }
    user_drop(presence, user);
    return changed;
}

size_t presence_connections(const struct presence *presence, const char *user_id)
{
    const struct user *user = user_find(presence, user_id);

    return user ? user->connections : 0;
}

size_t presence_count(const struct presence *presence, const char *table_id)
{
    const struct seat *seat = seat_find(presence, table_id);

    return seat ? seat->count : 0;
}

void presence_print(const struct presence *presence, const char *table_id, struct buf *out)
{
    const struct seat *seat = seat_find(presence, table_id);
    const struct user *user = seat ? seat->users : NULL;
    char since[TIME_MS_LEN + 1];

    buf_str(out, "{\"table_id\":");
    json_string(out, table_id, strlen(table_id));
    buf_printf(out, ",\"online\":%s,\"count\":%zu,\"clients\":[", seat ? "true" : "false",
               seat ? seat->count : 0);
    for (int i = 0; user && i < PRESENCE_CLIENTS_MAX; i++, user = user->next) {
        buf_str(out, i ? ",{\"id\":" : "{\"id\":");
        json_string(out, user->id, strlen(user->id));
        time_print_ms(user->since_ms, since);
        buf_printf(out, ",\"since\":\"%s\"}", since);
    }
    buf_str(out, "]}");
}
