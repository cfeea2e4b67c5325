#include "auth/admission.h"

#include <stdlib.h>
#include <string.h>

#include "auth/tally.h"
#include "base/log.h"

enum {
    NAMES_MAX = 16384, /* addresses, and tables, whose failures are remembered */
    SHORT_MAX = 4096,  /* ids that were told of */
    SHORT_TOKEN = 16,  /* characters; fewer are warned of */
    TOLD_EVERY = 10,   /* failures */
    MINUTE_MS = 60000,
    DELAY_FIRST_MS = 100, /* of the first failure too many; then twice as long each time */
    DELAY_MAX_MS = 5000,
    DAY_S = 86400
};

struct admission {
    struct admission_options o;
    struct tokens *tokens;
    size_t inside;
    struct tally *addresses, *tables; /* failures */
    struct tally *short_tokens;       /* by id: whether it was told */
    unsigned generation;
    int64_t day;
};

struct admission *admission_create(const struct admission_options *options, struct tokens *tokens)
{
    struct admission *a = calloc(1, sizeof(*a));

    if (!a)
        return NULL;
    a->o = *options;
    a->addresses = tally_create(NAMES_MAX, MINUTE_MS);
    a->tables = tally_create(NAMES_MAX, MINUTE_MS);
    a->short_tokens = tally_create(SHORT_MAX, INT64_MAX);
    if (!a->addresses || !a->tables || !a->short_tokens) {
        admission_destroy(a);
        return NULL;
    }
    a->tokens = tokens;
    a->day = clock_wall(options->clock) / 1000 / DAY_S;
    return a;
}

void admission_destroy(struct admission *a)
{
    if (!a)
        return;
    tally_destroy(a->addresses);
    tally_destroy(a->tables);
    tally_destroy(a->short_tokens);
    tokens_destroy(a->tokens);
    free(a);
}

void admission_enter(struct admission *a)
{
    a->inside++;
}

void admission_leave(struct admission *a)
{
    a->inside--;
}

static void count_failure(struct admission *a, const char *address,
                          const struct credentials *credentials)
{
    int64_t now = clock_mono(a->o.clock);
    unsigned there = tally_add(a->addresses, address, now);
    unsigned here = tally_add(a->tables, credentials->table_id, now);

    if (there % TOLD_EVERY == 0)
        log_warn("auth", "%u wrong logins from %s within a minute, the last as %s", there, address,
                 credentials->user_id);
    else if (here % TOLD_EVERY == 0)
        log_warn("auth", "%u wrong logins for table %s within a minute, the last from %s", here,
                 credentials->table_id, address);
}

static void warn_short(struct admission *a, const struct credentials *credentials)
{
    if (strlen(credentials->token) < SHORT_TOKEN &&
        tally_add(a->short_tokens, credentials->user_id, 0) == 1)
        log_warn("auth",
                 "%s has a token of fewer than %d characters, which can be guessed; "
                 "`studio-agent token new` makes a better one",
                 credentials->user_id, SHORT_TOKEN);
}

enum studio_err admission_check(struct admission *a, const char *address,
                                const struct credentials *credentials, size_t connections,
                                struct grant *grant)
{
    if (!tokens_check(a->tokens, credentials->user_id, credentials->token,
                      clock_wall(a->o.clock) / 1000, grant)) {
        count_failure(a, address, credentials);
        return STUDIO_ERR_AUTH_CREDENTIALS;
    }
    warn_short(a, credentials);
    return connections < a->o.connections_per_id && a->inside < a->o.connections ? STUDIO_OK
                                                                                 : STUDIO_ERR_LIMIT;
}

int64_t admission_delay(struct admission *a, const char *address, const char *table_id)
{
    int64_t now = clock_mono(a->o.clock), delay = DELAY_FIRST_MS;
    unsigned there = tally_count(a->addresses, address, now);
    unsigned here = tally_count(a->tables, table_id, now);
    unsigned count = there > here ? there : here;

    if (a->o.failures_per_minute == 0 || count <= a->o.failures_per_minute)
        return 0;
    for (unsigned more = count - a->o.failures_per_minute; more > 1 && delay < DELAY_MAX_MS; more--)
        delay *= 2;
    return delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
}

struct tokens *admission_reload(struct admission *a, struct tokens *tokens)
{
    struct tokens *old = a->tokens;

    a->tokens = tokens;
    a->generation++;
    return old;
}

unsigned admission_generation(struct admission *a)
{
    int64_t day = clock_wall(a->o.clock) / 1000 / DAY_S;

    if (day != a->day) {
        a->day = day;
        a->generation++;
    }
    return a->generation;
}

bool admission_still_valid(struct admission *a, const char *user_id, const unsigned char digest[32],
                           enum role role)
{
    struct grant now;

    /* With another role it must come again: what it watches may no longer be its to see. */
    return tokens_still_valid(a->tokens, user_id, digest, clock_wall(a->o.clock) / 1000, &now) &&
           now.role == role;
}
