#include "fault/storm/writers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault/storm/random.h"
#include "fault/storm/wire.h"
#include "support/deadline.h"
#include "support/tokens.h"

enum {
    WRITERS_MAX = 256,
    RETRY_MS = 30,       /* between attempts to connect */
    REFUSED_MS = 50,     /* until another is tried */
    RETRY_NEXT_MS = 100, /* where one of the hosts may be waiting for its turn */
    GREETING_MS = 20000, /* for the first document, then another connection is tried */
    ANSWER_MS = 60000,   /* no answer for so long on an open connection is a broken promise */
    COMPLAINTS_MAX = 20
};

enum state { DOWN, GREETING, READY, WAITING };

struct writer {
    struct wire wire;
    enum state state;
    char id[40], table[16];
    uint64_t value;  /* the last one sent */
    int64_t wake_ms; /* DOWN: connect then; READY: send then */
    int64_t sent_ms; /* since when GREETING or WAITING */
    unsigned host;   /* connected to, or tried last */
    int64_t patience_ms;
    bool exception;  /* the one in flight is */
    bool once;       /* has an acknowledged update to make although all are paused */
    int64_t once_ms; /* not before: the last was refused */
};

struct writers {
    struct writers_options o;
    pthread_t thread;
    int wake[2];
    uint64_t random; /* the thread's */
    struct writer *list;

    pthread_mutex_t mutex; /* guards all below, and `value` and `once` while paused */
    pthread_cond_t settled;
    bool paused, stop, ask_once;
    unsigned waiting; /* in flight, or `once` */
    struct writers_figures figures;
    struct write_note *notes, *handed_out;
    size_t count, cap;
    char *complaints[COMPLAINTS_MAX];
    size_t complaint_count;
};

void writers_table(const struct writers_options *o, unsigned writer, char out[16])
{
    snprintf(out, 16, "ST-%02u", writer % o->tables);
}

static void complain(struct writers *w, const struct writer *one, const char *what,
                     const char *detail)
{
    if (w->complaint_count < COMPLAINTS_MAX)
        w->complaints[w->complaint_count++] = test_printf(
            "%s, value %llu: %s%s\n", one->id, (unsigned long long)one->value, what, detail);
}

/* --- one writer, with the mutex held ---------------------------------------------------------- */

static void note(struct writers *w, struct writer *one, enum write_outcome outcome, int64_t now)
{
    if (w->count == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 1024;
        w->notes = realloc(w->notes, w->cap * sizeof *w->notes);
        if (!w->notes)
            abort(); /* on this thread no test can be failed */
    }
    w->notes[w->count++] = (struct write_note){.writer = (unsigned)(one - w->list),
                                               .outcome = outcome,
                                               .host = one->host,
                                               .value = one->value,
                                               .sent_ms = one->sent_ms,
                                               .done_ms = now};
    struct writers_figures *f = &w->figures;
    f->acked += outcome == WRITE_ACKED;
    f->refused += outcome == WRITE_REFUSED;
    f->unknown += outcome == WRITE_UNKNOWN;
    if (outcome == WRITE_ACKED) {
        one->once = false;
        if (now - f->last_ack_ms > f->gap_ms)
            f->gap_ms = now - f->last_ack_ms;
        f->last_ack_ms = now;
        if (now - one->sent_ms > f->slowest_ms)
            f->slowest_ms = now - one->sent_ms;
        if (f->first_ack_ms[one->host] == 0)
            f->first_ack_ms[one->host] = now;
    }
}

static void went_down(struct writers *w, struct writer *one, int64_t now)
{
    if (one->state == WAITING)
        note(w, one, WRITE_UNKNOWN, now);
    if (w->o.patience_ms)
        wire_abort(&one->wire); /* what is still on its way must not come after what is sent next */
    else
        wire_close(&one->wire);
    one->state = DOWN;
    one->wake_ms = now + (w->o.patience_ms ? RETRY_NEXT_MS : RETRY_MS);
}

static void come_up(struct writers *w, struct writer *one, int64_t now)
{
    char path[120];
    const char *host = NULL;
    for (unsigned i = 0; !host && i < WRITERS_HOSTS_MAX; i++) {
        one->host = (one->host + 1) % WRITERS_HOSTS_MAX;
        host = w->o.hosts[one->host];
    }
    snprintf(path, sizeof path, "/?id=%s&token=" TOKEN_DEVICE, one->id);
    one->sent_ms = now;
    one->state = GREETING;
    if (!wire_connect_to(&one->wire, host ? host : "127.0.0.1", w->o.port, path))
        went_down(w, one, now);
}

/* Now and then the update sets a built-in field as well, so that those change too; or it is an
 * exception. */
static void send_next(struct writers *w, struct writer *one, int64_t now)
{
    static const char *const also[] = {"\"sdp\":\"up\",", "\"idp\":\"down\",",
                                       "\"roulette\":\"up\",", "\"maintenance\":true,",
                                       "\"sdp\":\"standby\","};
    char text[100];
    unsigned pick = random_between(&w->random, 0, 19);
    one->value++;
    one->exception = !one->once && random_chance(&w->random, w->o.exceptions);
    if (one->exception)
        snprintf(text, sizeof text, "{\"event\":\"exception\",\"data\":\"%u:%llu\"}",
                 (unsigned)(one - w->list), (unsigned long long)one->value);
    else
        snprintf(text, sizeof text, "{%s\"w%u\":%llu}",
                 pick < sizeof also / sizeof *also ? also[pick] : "", (unsigned)(one - w->list),
                 (unsigned long long)one->value);
    one->sent_ms = now;
    one->patience_ms =
        w->o.patience_ms ? random_between(&w->random, w->o.patience_ms, 4 * w->o.patience_ms) : 0;
    one->state = WAITING;
    if (!wire_send(&one->wire, text))
        went_down(w, one, now);
}

static int64_t pause_of(struct writers *w)
{
    unsigned mean = w->o.writers * 1000 / (w->o.rate ? w->o.rate : 1);
    return random_between(&w->random, 0, 2 * mean);
}

static void heard(struct writers *w, struct writer *one, const char *text, int64_t now)
{
    if (one->state == GREETING && strstr(text, "\"TABLE_ID\"")) {
        one->state = READY;
        one->wake_ms = now + pause_of(w);
        return;
    }
    if (one->state != WAITING) {
        complain(w, one, "an answer nobody asked for: ", text);
        return;
    }
    const char *yes = one->exception ? "{\"status\":\"received\"" : "{\"status\":\"updated\"";
    bool acked = strstr(text, yes) == text;
    if (!acked && strcmp(text, "{\"error\":\"Storage unavailable\"}") != 0)
        complain(w, one, "an unexpected answer: ", text);
    note(w, one, acked ? WRITE_ACKED : WRITE_REFUSED, now);
    one->once_ms = acked ? now : now + REFUSED_MS;
    one->state = READY;
    one->wake_ms = now + pause_of(w);
}

static void service(struct writers *w, struct writer *one, short events, int64_t now)
{
    const char *text;
    enum wire_event event = WIRE_NOTHING;
    if (events && one->state != DOWN)
        (void)wire_service(&one->wire, events);
    while (one->state != DOWN && (event = wire_next(&one->wire, &text)) == WIRE_TEXT)
        heard(w, one, text, now);
    if (one->state != DOWN && event == WIRE_END)
        went_down(w, one, now);

    bool may_send = !w->paused || one->once;
    switch (one->state) {
    case DOWN:
        if (now >= one->wake_ms)
            come_up(w, one, now);
        break;
    case READY:
        if (may_send && now >= (one->once ? one->once_ms : one->wake_ms))
            send_next(w, one, now);
        break;
    case GREETING:
        if (now - one->sent_ms > (w->o.patience_ms ? w->o.patience_ms : GREETING_MS))
            went_down(w, one, now);
        break;
    case WAITING:
        if (one->patience_ms > 0 && now - one->sent_ms > one->patience_ms) {
            went_down(w, one, now);
        } else if (now - one->sent_ms > ANSWER_MS) {
            complain(w, one, "no answer", "");
            went_down(w, one, now);
        }
        break;
    }
}

/* --- the thread ------------------------------------------------------------------------------- */

static int64_t next_wake(const struct writers *w, int64_t now)
{
    int64_t next = now + 100;
    for (unsigned i = 0; i < w->o.writers; i++) {
        const struct writer *one = &w->list[i];
        bool timed = one->state == DOWN || (one->state == READY && !w->paused);
        if (timed && one->wake_ms < next)
            next = one->wake_ms;
    }
    return next > now ? next - now : 0;
}

static void count(struct writers *w)
{
    w->waiting = w->figures.connected = 0;
    for (unsigned i = 0; i < w->o.writers; i++) {
        const struct writer *one = &w->list[i];
        w->waiting += one->state == WAITING || one->once;
        w->figures.connected += one->state == READY || one->state == WAITING;
    }
    if (w->waiting == 0)
        pthread_cond_broadcast(&w->settled);
}

static void *run(void *arg)
{
    struct writers *w = arg;
    for (;;) {
        struct pollfd fds[WRITERS_MAX + 1];
        unsigned n = w->o.writers;
        pthread_mutex_lock(&w->mutex);
        int timeout = (int)next_wake(w, now_ms());
        bool stop = w->stop;
        pthread_mutex_unlock(&w->mutex);
        if (stop)
            return NULL;
        for (unsigned i = 0; i < n; i++)
            fds[i] =
                (struct pollfd){.fd = w->list[i].wire.fd, .events = wire_wants(&w->list[i].wire)};
        fds[n] = (struct pollfd){.fd = w->wake[0], .events = POLLIN};
        if (poll(fds, n + 1, timeout) < 0)
            continue;
        char bytes[64];
        if (fds[n].revents)
            (void)!read(w->wake[0], bytes, sizeof bytes);
        pthread_mutex_lock(&w->mutex);
        int64_t now = now_ms();
        for (unsigned i = 0; i < n; i++) {
            if (w->ask_once)
                w->list[i].once = true;
            service(w, &w->list[i], fds[i].fd >= 0 ? fds[i].revents : 0, now);
        }
        w->ask_once = false;
        count(w);
        pthread_mutex_unlock(&w->mutex);
    }
}

/* Tells the thread that something has changed. */
static void wake(struct writers *w)
{
    (void)!write(w->wake[1], "", 1); /* full: it is awake */
}

struct writers *writers_create(const struct writers_options *options)
{
    struct writers *w = test_alloc(sizeof *w);
    w->o = *options;
    if (w->o.writers > WRITERS_MAX)
        test_fail("at most %d writers", WRITERS_MAX);
    w->random = options->seed ^ 0x77726974u;
    w->paused = true;
    w->list = test_alloc(w->o.writers * sizeof *w->list);
    for (unsigned i = 0; i < w->o.writers; i++) {
        struct writer *one = &w->list[i];
        one->wire.fd = -1;
        writers_table(&w->o, i, one->table);
        snprintf(one->id, sizeof one->id, "%s_w%u", one->table, i);
    }
    pthread_mutex_init(&w->mutex, NULL);
    deadline_cond_init(&w->settled);
    if (pipe2(w->wake, O_CLOEXEC | O_NONBLOCK) != 0 ||
        pthread_create(&w->thread, NULL, run, w) != 0)
        test_fail("the writers cannot be started: %s", strerror(errno));
    return w;
}

void writers_destroy(struct writers *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stop = true;
    pthread_mutex_unlock(&w->mutex);
    wake(w);
    pthread_join(w->thread, NULL);
    for (unsigned i = 0; i < w->o.writers; i++)
        wire_close(&w->list[i].wire);
    for (size_t i = 0; i < w->complaint_count; i++)
        free(w->complaints[i]);
    close(w->wake[0]);
    close(w->wake[1]);
    pthread_cond_destroy(&w->settled);
    pthread_mutex_destroy(&w->mutex);
    free(w->handed_out);
    free(w->notes);
    free(w->list);
    free(w);
}

void writers_resume(struct writers *w)
{
    pthread_mutex_lock(&w->mutex);
    w->paused = false;
    pthread_mutex_unlock(&w->mutex);
    wake(w);
}

/* Waits until nothing is in flight, with the mutex held. */
static bool settle(struct writers *w, int64_t deadline)
{
    bool in_time = true;
    w->waiting = 1; /* until the thread has counted again */
    wake(w);
    while (w->waiting > 0 && in_time)
        in_time = deadline_cond_wait(&w->settled, &w->mutex, deadline);
    return w->waiting == 0;
}

bool writers_pause(struct writers *w, int64_t deadline)
{
    pthread_mutex_lock(&w->mutex);
    w->paused = true;
    bool settled = settle(w, deadline);
    pthread_mutex_unlock(&w->mutex);
    return settled;
}

bool writers_once(struct writers *w, int64_t deadline)
{
    pthread_mutex_lock(&w->mutex);
    w->ask_once = true;
    bool settled = settle(w, deadline);
    pthread_mutex_unlock(&w->mutex);
    return settled;
}

struct writers_figures writers_figures(struct writers *w)
{
    pthread_mutex_lock(&w->mutex);
    struct writers_figures figures = w->figures;
    pthread_mutex_unlock(&w->mutex);
    return figures;
}

void writers_mark(struct writers *w)
{
    pthread_mutex_lock(&w->mutex);
    memset(w->figures.first_ack_ms, 0, sizeof w->figures.first_ack_ms);
    w->figures.slowest_ms = w->figures.gap_ms = 0;
    pthread_mutex_unlock(&w->mutex);
}

const struct write_note *writers_notes(struct writers *w, size_t *n)
{
    pthread_mutex_lock(&w->mutex);
    free(w->handed_out);
    w->handed_out = w->notes;
    *n = w->count;
    w->notes = NULL;
    w->count = w->cap = 0;
    pthread_mutex_unlock(&w->mutex);
    return w->handed_out;
}

uint64_t writers_last(struct writers *w, unsigned writer)
{
    pthread_mutex_lock(&w->mutex);
    uint64_t value = w->list[writer].value;
    pthread_mutex_unlock(&w->mutex);
    return value;
}

char *writers_complaints(struct writers *w)
{
    char *all = NULL;
    pthread_mutex_lock(&w->mutex);
    for (size_t i = 0; i < w->complaint_count; i++) {
        char *longer = test_printf("%s%s", all ? all : "", w->complaints[i]);
        free(all);
        free(w->complaints[i]);
        all = longer;
    }
    w->complaint_count = 0;
    pthread_mutex_unlock(&w->mutex);
    return all;
}
