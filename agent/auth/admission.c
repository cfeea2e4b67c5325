#include "auth/admission.h"

#include <stdlib.h>
#include <string.h>

#include "auth/known.h"
#include "auth/tally.h"
#include "auth/verifier.h"
#include "base/log.h"
#include "base/networks.h"
#include "base/secret.h"

enum {
    NAMES_MAX = 16384, /* addresses, and tables, whose failures are remembered */
    SHORT_MAX = 4096,  /* ids that were told of */
    SHORT_TOKEN = 16,  /* characters; fewer are warned of */
    TOLD_EVERY = 10,   /* failures */
    MINUTE_MS = 60000,
    DELAY_FIRST_MS = 100, /* of the first failure too many; then twice as long each time */
    DELAY_MAX_MS = 5000,
    SLOW_REFUSAL_MS = 1000, /* what checking a slow hash takes, and more */
    DAY_S = 86400
};

struct admission {
    struct admission_options o;
    struct tokens *tokens;
    size_t inside;
    struct tally *addresses, *tables; /* failures */
    struct tally *short_tokens;       /* by id: whether it was told */
    struct verifier *verifier;
    struct known *known;
    unsigned generation;
    int64_t day;
};

/* One that is being checked; in memory of secret.h. */
struct admission_wait {
    struct admission *admission;
    struct question *question;
    struct credentials credentials;
    char address[PEER_TEXT_MAX + 1];
    int64_t begun_ms;
    unsigned char tickets[TOKENS_SLOW_MAX][DIGEST_LEN]; /* of the hashes asked about */
    admitted_fn *done;
    void *ctx;
};
_Static_assert((int)TOKENS_SLOW_MAX <= (int)VERIFIER_HASHES, "all are asked about");

struct admission *admission_create(const struct admission_options *options, struct tokens *tokens)
{
    struct admission *a = calloc(1, sizeof(*a));

    if (!a)
        return NULL;
    a->o = *options;
    a->addresses = tally_create(NAMES_MAX, MINUTE_MS);
    a->tables = tally_create(NAMES_MAX, MINUTE_MS);
    a->short_tokens = tally_create(SHORT_MAX, INT64_MAX);
    a->known = known_create();
    a->verifier = verifier_create(options->wake, options->ctx);
    if (!a->addresses || !a->tables || !a->short_tokens || !a->known || !a->verifier) {
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
    verifier_destroy(a->verifier);
    known_destroy(a->known);
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

static void count_failure(struct admission *a, const char *address, const char *table_id,
                          const char *as)
{
    int64_t now = clock_mono(a->o.clock);
    unsigned there = tally_add(a->addresses, address, now);
    unsigned here = tally_add(a->tables, table_id, now);

    if (there % TOLD_EVERY == 0)
        log_warn("auth", "%u wrong logins from %s within a minute, the last as %s", there, address,
                 as);
    else if (here % TOLD_EVERY == 0)
        log_warn("auth", "%u wrong logins for table %s within a minute, the last from %s", here,
                 table_id, address);
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

/* How long who has just failed waits for the refusal. */
static int64_t delay_of(struct admission *a, const char *address, const char *table_id)
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

static void refuse(struct admission *a, const char *address, const struct credentials *credentials,
                   int64_t begun_ms, admitted_fn *done, void *ctx)
{
    struct admitted out = {.err = STUDIO_ERR_AUTH_CREDENTIALS, .credentials = credentials};
    int64_t now = clock_mono(a->o.clock), delay;

    count_failure(a, address, credentials->table_id, credentials->user_id);
    delay = delay_of(a, address, credentials->table_id);
    if (tokens_have_slow(a->tokens))
        delay += SLOW_REFUSAL_MS;
    if (delay > 0)
        out.told_ms = begun_ms + delay > now ? begun_ms + delay : now;
    done(ctx, &out);
}

static void note_use(struct admission *a, const char *user_id,
                     const unsigned char ticket[DIGEST_LEN])
{
    if (tokens_use(a->tokens, user_id, ticket, clock_wall(a->o.clock) / 1000))
        last_used_tell(a->o.used);
}

static void let_in(struct admission *a, const struct admitted *admitted, admitted_fn *done,
                   void *ctx)
{
    note_use(a, admitted->credentials->user_id, admitted->ticket);
    done(ctx, admitted);
}

int64_t admission_wrong(struct admission *a, const char *address, const char *what)
{
    int64_t delay;

    count_failure(a, address, what, what);
    delay = delay_of(a, address, what);
    return delay > 0 ? clock_mono(a->o.clock) + delay : 0;
}

/* Is it let in by the line with this ticket? */
static bool grants(const struct admission *a, const struct credentials *credentials,
                   const unsigned char ticket[DIGEST_LEN], struct grant *grant)
{
    return tokens_still_valid(a->tokens, credentials->user_id, ticket,
                              clock_wall(a->o.clock) / 1000, grant);
}

static void on_verified(void *ctx, size_t which, size_t count)
{
    struct admission_wait *w = ctx;
    struct admission *a = w->admission;
    struct admitted out = {.credentials = &w->credentials};

    if (which < count && grants(a, &w->credentials, w->tickets[which], &out.grant)) {
        memcpy(out.ticket, w->tickets[which], sizeof(out.ticket));
        known_add(a->known, &w->credentials, out.ticket);
        let_in(a, &out, w->done, w->ctx);
    } else {
        refuse(a, w->address, &w->credentials, w->begun_ms, w->done, w->ctx);
    }
    secret_free(w);
}

/* NULL: there is no room for one more. */
static struct admission_wait *ask_slow(struct admission *a, const char *address,
                                       const struct credentials *credentials)
{
    const char *hashes[TOKENS_SLOW_MAX];
    struct admission_wait *w = secret_alloc(sizeof(*w));
    size_t count = 0;

    if (!w)
        return NULL;
    w->admission = a;
    w->credentials = *credentials;
    w->begun_ms = clock_mono(a->o.clock);
    strncpy(w->address, address, sizeof(w->address) - 1);
    if (*credentials->token) /* else it is none: but nobody is to see that it took less time */
        count = tokens_slow(a->tokens, credentials->user_id, clock_wall(a->o.clock) / 1000, hashes);
    for (size_t i = 0; i < count; i++)
        tokens_digest(hashes[i], w->tickets[i]);
    w->question =
        verifier_ask(a->verifier, address, credentials->token, hashes, count, on_verified, w);
    if (w->question)
        return w;
    secret_free(w);
    return NULL;
}

struct admission_wait *admission_ask(struct admission *a, const char *address,
                                     const struct credentials *credentials, admitted_fn *done,
                                     void *ctx)
{
    struct admitted out = {.credentials = credentials};
    struct admission_wait *wait;

    if (credentials->certified &&
        tokens_certified(a->tokens, credentials->user_id, clock_wall(a->o.clock) / 1000, &out.grant,
                         out.ticket)) {
        let_in(a, &out, done, ctx);
        return NULL;
    }
    if (tokens_check(a->tokens, credentials->user_id, credentials->token,
                     clock_wall(a->o.clock) / 1000, &out.grant)) {
        warn_short(a, credentials);
        tokens_digest(credentials->token, out.ticket);
        let_in(a, &out, done, ctx);
        return NULL;
    }
    if (!tokens_have_slow(a->tokens)) {
        refuse(a, address, credentials, clock_mono(a->o.clock), done, ctx);
        return NULL;
    }
    if (known_find(a->known, credentials, out.ticket) &&
        grants(a, credentials, out.ticket, &out.grant)) {
        let_in(a, &out, done, ctx);
        return NULL;
    }
    wait = ask_slow(a, address, credentials);
    if (!wait) {
        out.err = STUDIO_ERR_LIMIT;
        done(ctx, &out);
        return NULL;
    }
    wait->done = done;
    wait->ctx = ctx;
    return wait;
}

void admission_forget(struct admission *a, struct admission_wait *wait)
{
    verifier_forget(a->verifier, wait->question);
    secret_free(wait);
}

void admission_settle(struct admission *a)
{
    verifier_settle(a->verifier);
}

void admission_stop(struct admission *a)
{
    if (a)
        verifier_stop(a->verifier);
}

bool admission_has_room(const struct admission *a)
{
    return a->inside < a->o.connections;
}

bool admission_opens(const struct admission *a, size_t connections)
{
    return connections < a->o.connections_per_id;
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

bool admission_still_valid(struct admission *a, const char *user_id,
                           const unsigned char ticket[DIGEST_LEN], enum role role)
{
    struct grant now;

    /* With another role it must come again: what it watches may no longer be its to see. */
    if (!tokens_still_valid(a->tokens, user_id, ticket, clock_wall(a->o.clock) / 1000, &now) ||
        now.role != role)
        return false;
    note_use(a, user_id, ticket); /* who stays for weeks uses it every day */
    return true;
}

bool admission_is_over(const struct admission *a, int64_t wall_s)
{
    return clock_wall(a->o.clock) / 1000 >= wall_s;
}
