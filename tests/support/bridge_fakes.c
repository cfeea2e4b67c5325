#include "support/bridge_fakes.h"
#include "support/fields.h"

#include "support/fake_clock.h"

/* --- snapshots -------------------------------------------------------------------------------- */

enum { FAKE_FIELDS_MAX = 16 };

struct fake_snapshot {
    struct studio_snapshot head;
    char id[65];
    char document[256];
    struct studio_snapshot_field fields[FAKE_FIELDS_MAX];
    char names[FAKE_FIELDS_MAX][16], texts[FAKE_FIELDS_MAX][16];
};

/* All that were made; each is held by one more reference than the test has. */
static struct {
    struct studio_snapshot **list;
    size_t count, cap;
} fake_made;

static void fake_keep(struct studio_snapshot *s)
{
    if (fake_made.count == fake_made.cap) {
        fake_made.cap = fake_made.cap ? fake_made.cap * 2 : 64;
        fake_made.list = realloc(fake_made.list, fake_made.cap * sizeof(struct studio_snapshot *));
        if (!fake_made.list)
            abort();
    }
    fake_made.list[fake_made.count++] = studio_snapshot_ref(s);
}

size_t fake_snapshots(void)
{
    size_t held = 0;

    for (size_t i = 0; i < fake_made.count; i++) {
        held += atomic_load(&fake_made.list[i]->refs) > 1;
        studio_snapshot_unref(fake_made.list[i]);
    }
    free(fake_made.list);
    memset(&fake_made, 0, sizeof(fake_made));
    return held;
}

static void fake_field(struct fake_snapshot *s, const char *name, const char *text)
{
    size_t i = s->head.field_count++;

    snprintf(s->names[i], sizeof(s->names[i]), "%s", name);
    snprintf(s->texts[i], sizeof(s->texts[i]), "%s", text);
    s->fields[i].name = s->names[i];
    s->fields[i].text = s->texts[i];
}

struct studio_snapshot *fake_snapshot(const char *id, uint64_t rev, const char *sdp,
                                      const char *custom)
{
    struct fake_snapshot *s = calloc(1, sizeof(*s));

    if (!s)
        abort();
    atomic_init(&s->head.refs, 1);
    fake_keep(&s->head);
    s->head.rev = rev;
    snprintf(s->id, sizeof(s->id), "%s", id);
    snprintf(s->document, sizeof(s->document),
             "{\"TABLE_ID\":\"%s\",\"UPTIME\":%" PRIu64 ",\"SDP\":\"%s\"}", id, rev, sdp);
    s->head.table_id = s->id;
    s->head.document = s->document;
    s->head.document_len = strlen(s->document);
    s->head.fields = s->fields;
    for (size_t i = 0; i < studio_field_count; i++)
        fake_field(s, studio_fields[i].name, i == field("sdp") ? sdp : studio_fields[i].first);
    while (custom && *custom) {
        char name[16] = "", text[16] = "";
        int used = 0;

        if (sscanf(custom, "%15[^=]=%15[^,]%n", name, text, &used) != 2)
            abort();
        fake_field(s, name, text);
        custom += used + (custom[used] == ',');
    }
    return &s->head;
}

struct studio_snapshot *fake_removed(const char *id, uint64_t rev)
{
    struct studio_snapshot *s = fake_snapshot(id, rev, "up", NULL);

    s->removed = true;
    s->field_count = 0;
    return s;
}

/* --- the agent -------------------------------------------------------------------------------- */

static struct studio_event *fake_copy(const struct fake_source *s, const struct fake_event *e)
{
    struct studio_event *event =
        studio_event_create(e->kind, e->table_id, e->rev, s->wall_ms, e->body, strlen(e->body));

    if (!event)
        abort();
    event->seq = e->seq;
    event->parked = e->parked;
    return event;
}

static bool fake_give(const struct fake_source *s, const struct fake_event *e, studio_event_fn *fn,
                      void *ctx)
{
    struct studio_event *event = fake_copy(s, e);
    bool more = fn(ctx, event);

    studio_event_unref(event);
    return more;
}

static enum studio_err fake_read(void *ctx, uint64_t from, uint64_t to, size_t limit,
                                 studio_event_fn *fn, void *fn_ctx)
{
    struct fake_source *s = ctx;

    pthread_mutex_lock(&s->lock);
    s->reads++;
    if (s->read_fails) {
        pthread_mutex_unlock(&s->lock);
        return STUDIO_ERR_STORAGE;
    }
    if (from < s->oldest)
        from = s->oldest;
    for (; from <= to && from <= s->count && limit > 0; from++, limit--)
        if (!fake_give(s, &s->events[from - 1], fn, fn_ctx))
            break;
    pthread_mutex_unlock(&s->lock);
    return STUDIO_OK;
}

static enum studio_err fake_read_changes(void *ctx, const char *table_id, uint64_t from_rev,
                                         uint64_t after_seq, size_t limit, studio_event_fn *fn,
                                         void *fn_ctx)
{
    struct fake_source *s = ctx;
    uint64_t from;

    pthread_mutex_lock(&s->lock);
    from = after_seq + 1 < s->oldest ? s->oldest : after_seq + 1;
    s->reads++;
    for (; from <= s->count && limit > 0; from++) {
        const struct fake_event *e = &s->events[from - 1];

        if (e->kind != EVENT_CHANGE || e->rev < from_rev || strcmp(e->table_id, table_id) != 0)
            continue;
        limit--;
        if (!fake_give(s, e, fn, fn_ctx))
            break;
    }
    pthread_mutex_unlock(&s->lock);
    return STUDIO_OK;
}

static enum studio_err fake_oldest(void *ctx, uint64_t *seq)
{
    struct fake_source *s = ctx;

    pthread_mutex_lock(&s->lock);
    *seq = s->oldest;
    pthread_mutex_unlock(&s->lock);
    return STUDIO_OK;
}

static enum studio_err fake_oldest_rev(void *ctx, const char *table_id, bool *found, uint64_t *rev,
                                       uint64_t *seq)
{
    struct fake_source *s = ctx;

    *found = false;
    pthread_mutex_lock(&s->lock);
    for (size_t i = (size_t)s->oldest - 1; i < s->count && !*found; i++)
        if (strcmp(s->events[i].table_id, table_id) == 0 && s->events[i].kind == EVENT_CHANGE) {
            *found = true;
            *rev = s->events[i].rev;
            *seq = s->events[i].seq;
        }
    pthread_mutex_unlock(&s->lock);
    return STUDIO_OK;
}

static enum studio_err fake_cleared(void *ctx, bridge_cleared_fn *fn, void *fn_ctx)
{
    struct fake_source *s = ctx;

    if (s->cleared_table)
        fn(fn_ctx, s->cleared_table, s->cleared_field);
    return STUDIO_OK;
}

static void fake_clearing_done(void *ctx, const char *table_id, uint64_t rev)
{
    struct fake_source *s = ctx;

    pthread_mutex_lock(&s->lock);
    snprintf(s->clearing_table, sizeof(s->clearing_table), "%s", table_id);
    s->clearing_rev = rev;
    s->clearings++;
    pthread_mutex_unlock(&s->lock);
}

static void fake_acked(void *ctx, uint64_t seq)
{
    struct fake_source *s = ctx;

    pthread_mutex_lock(&s->lock);
    s->acked = seq;
    pthread_mutex_unlock(&s->lock);
}

static void fake_parked(void *ctx, uint64_t seq, const char *reason)
{
    struct fake_source *s = ctx;

    (void)reason;
    pthread_mutex_lock(&s->lock);
    if (s->parked_count < FAKE_PARKED_MAX)
        s->parked[s->parked_count++] = seq;
    s->events[seq - 1].parked = true;
    pthread_mutex_unlock(&s->lock);
}

static void fake_memo(void *ctx, const char *text)
{
    struct fake_source *s = ctx;

    pthread_mutex_lock(&s->lock);
    snprintf(s->memo, sizeof(s->memo), "%s", text);
    s->memos++;
    pthread_mutex_unlock(&s->lock);
}

void fake_source_init(struct fake_source *s, size_t max)
{
    *s = (struct fake_source){.max = max, .oldest = 1, .wall_ms = FAKE_WALL_MS};
    s->events = calloc(max, sizeof(*s->events));
    if (!s->events)
        abort();
    pthread_mutex_init(&s->lock, NULL);
    s->ops = (struct bridge_source){.ctx = s,
                                    .read = fake_read,
                                    .read_changes = fake_read_changes,
                                    .oldest = fake_oldest,
                                    .oldest_rev = fake_oldest_rev,
                                    .cleared = fake_cleared,
                                    .clearing_done = fake_clearing_done,
                                    .acked = fake_acked,
                                    .parked = fake_parked,
                                    .memo = fake_memo,
                                    .figures = &s->figures};
    figure_set(&s->figures.tables, 3);
    figure_set(&s->figures.connections[0], 2);
    figure_set(&s->figures.subscribers, 1);
    figure_set(&s->figures.refused[STUDIO_ERR_INVALID_JSON], 4);
    figure_set(&s->figures.store_writable, 1);
}

void fake_source_finish(struct fake_source *s)
{
    pthread_mutex_destroy(&s->lock);
    free(s->events);
}

uint64_t fake_commit(struct fake_source *s, const char *table_id, uint64_t rev)
{
    struct fake_event *e;
    uint64_t seq;

    pthread_mutex_lock(&s->lock);
    if (s->count == s->max)
        abort();
    e = &s->events[s->count++];
    figure_set(&s->figures.seq, s->count);
    figure_set(&s->figures.updates[0], s->count);
    *e = (struct fake_event){.seq = seq = s->count, .rev = rev, .kind = EVENT_CHANGE};
    snprintf(e->table_id, sizeof(e->table_id), "%s", table_id);
    snprintf(e->body, sizeof(e->body),
             "\"table_id\":\"%s\",\"rev\":%" PRIu64 ",\"changes\":{\"SDP\":[\"a%" PRIu64
             "\",\"a%" PRIu64 "\"]}}",
             table_id, rev, rev == 0 ? 0 : rev - 1, rev);
    pthread_mutex_unlock(&s->lock);
    return seq;
}

struct studio_event *fake_event(struct fake_source *s, uint64_t seq)
{
    struct studio_event *event;

    pthread_mutex_lock(&s->lock);
    event = fake_copy(s, &s->events[seq - 1]);
    pthread_mutex_unlock(&s->lock);
    return event;
}

void fake_hand_over(struct fake_source *s, struct bridge *bridge, uint64_t seq)
{
    struct studio_event *event = fake_event(s, seq);

    if (!bridge_committed(bridge, &event, 1, NULL, 0))
        abort();
    studio_event_unref(event);
}

uint64_t fake_source_acked(struct fake_source *s)
{
    uint64_t acked;

    pthread_mutex_lock(&s->lock);
    acked = s->acked;
    pthread_mutex_unlock(&s->lock);
    return acked;
}

/* --- the MQTT link ---------------------------------------------------------------------------- */

static struct fake_link *fake_of(struct link *link)
{
    return (struct fake_link *)link;
}

static bool fake_connect(struct link *link, uint64_t generation, const struct link_target *target,
                         char text[LINK_TEXT_MAX])
{
    struct fake_link *f = fake_of(link);

    (void)text;
    f->generation = generation;
    f->connects++;
    f->open = !f->fails;
    f->target = *target;
    snprintf(f->uri, sizeof(f->uri), "%s", target->uri);
    snprintf(f->client_id, sizeof(f->client_id), "%s", target->client_id);
    snprintf(f->will, sizeof(f->will), "%s", target->will ? target->will : "");
    snprintf(f->will_topic, sizeof(f->will_topic), "%s", target->will ? target->will_topic : "");
    snprintf(f->username, sizeof(f->username), "%s", target->username ? target->username : "");
    snprintf(f->password, sizeof(f->password), "%s", target->password ? target->password : "");
    return !f->fails;
}

static struct fake_sent *fake_note(struct fake_link *f, unsigned slot, const char *topic)
{
    struct fake_sent *s;

    if (f->count == FAKE_SENT_MAX)
        abort();
    s = &f->sent[f->count++];
    *s = (struct fake_sent){.slot = slot};
    snprintf(s->topic, sizeof(s->topic), "%s", topic);
    return s;
}

static bool fake_publish(struct link *link, unsigned slot, const struct link_message *m)
{
    struct fake_link *f = fake_of(link);
    struct fake_sent *s;

    if (f->refuses)
        return false;
    s = fake_note(f, slot, m->topic);
    s->retained = m->retained;
    s->plain = m->plain;
    s->seq = m->seq;
    s->expiry_s = m->expiry_s;
    s->len = m->len;
    snprintf(s->payload, sizeof(s->payload), "%.*s", (int)m->len, m->len ? m->payload : "");
    if (m->correlation)
        snprintf(s->correlation, sizeof(s->correlation), "%.*s", (int)m->correlation_len,
                 (const char *)m->correlation);
    return true;
}

static bool fake_subscribe(struct link *link, unsigned slot, const char *const *filters,
                           size_t count, enum link_watch watch, const char *own)
{
    struct fake_link *f = fake_of(link);
    struct fake_sent *s;

    if (f->refuses)
        return false;
    s = fake_note(f, slot, filters[0]);
    s->subscribe = true;
    snprintf(s->payload, sizeof(s->payload), "%s", count > 1 ? filters[1] : "");
    if (watch == LINK_WATCH_OWN)
        snprintf(f->watch, sizeof(f->watch), "%s", own);
    return true;
}

static void fake_verdict(struct link *link, uint64_t generation, uint64_t token)
{
    struct fake_link *f = fake_of(link);

    if (generation != f->generation)
        return;
    f->verdicts++;
    f->verdict = token;
}

static bool fake_disconnect(struct link *link, bool will)
{
    fake_of(link)->disconnects++;
    fake_of(link)->will_wanted = will;
    return true;
}

static void fake_close(struct link *link)
{
    fake_of(link)->closes++;
    fake_of(link)->open = false;
}

void fake_link_init(struct fake_link *f, enum link_id id)
{
    static const struct link_ops ops = {.connect = fake_connect,
                                        .publish = fake_publish,
                                        .subscribe = fake_subscribe,
                                        .verdict = fake_verdict,
                                        .disconnect = fake_disconnect,
                                        .close = fake_close};

    memset(f, 0, sizeof(*f));
    f->link.ops = &ops;
    f->id = id;
    f->sent = calloc(FAKE_SENT_MAX, sizeof(*f->sent));
    if (!f->sent)
        abort();
}

void fake_link_finish(struct fake_link *f)
{
    free(f->sent);
}

struct link_event fake_up(const struct fake_link *f)
{
    return (struct link_event){
        .link = f->id,
        .kind = LINK_UP,
        .generation = f->generation,
        .limits = {.mqtt_version = 5, .receive_max = 65535, .retain = true, .max_qos = 2}};
}

struct link_event fake_ended(const struct fake_link *f, enum link_event_kind kind, int reason)
{
    return (struct link_event){.link = f->id,
                               .kind = kind,
                               .generation = f->generation,
                               .reason = reason,
                               .text = "as the test wants it"};
}

struct link_event fake_done(struct fake_link *f, size_t index, int reason)
{
    f->sent[index].answered = true;
    return (struct link_event){.link = f->id,
                               .kind = LINK_DONE,
                               .generation = f->generation,
                               .slot = f->sent[index].slot,
                               .reason = reason};
}

size_t fake_find(const struct fake_link *f, size_t from, const char *topic_end)
{
    size_t end = strlen(topic_end);

    for (; from < f->count; from++) {
        size_t len = strlen(f->sent[from].topic);

        if (len >= end && strcmp(f->sent[from].topic + len - end, topic_end) == 0)
            return from;
    }
    return SIZE_MAX;
}
