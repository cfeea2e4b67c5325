#include "link_wire.h"

#include <string.h>

/* Each kind is described once, by visit(); the coder writes or reads along it. */
struct coder {
    struct buf *out; /* writing; NULL: reading */
    const char *at, *end;
    bool bad;
};

static const char *take(struct coder *c, size_t len)
{
    const char *start = c->at;

    if (c->bad || len > (size_t)(c->end - c->at)) {
        c->bad = true;
        return NULL;
    }
    c->at += len;
    return start;
}

static void bytes(struct coder *c, void *value, size_t size)
{
    const char *from;

    if (c->out)
        buf_add(c->out, value, size);
    else if ((from = take(c, size)))
        memcpy(value, from, size);
}

/* Reading, a number must be below `limit`. */
static uint32_t number(struct coder *c, uint32_t value, uint32_t limit)
{
    bytes(c, &value, sizeof(value));
    if (!c->out && value >= limit)
        c->bad = true;
    return c->bad ? 0 : value;
}

static void flag(struct coder *c, bool *value)
{
    *value = number(c, *value, 2) != 0;
}

static void small(struct coder *c, unsigned *value)
{
    *value = number(c, *value, UINT32_MAX);
}

static void signed_small(struct coder *c, int *value)
{
    bytes(c, value, sizeof(*value));
}

/* Length and bytes and a NUL; NULL is told apart from nothing. */
static void blob(struct coder *c, const void **data, size_t *len)
{
    bool some = *data != NULL;
    uint32_t size;

    flag(c, &some);
    if (c->out && some && *len > WIRE_FRAME_MAX) {
        c->out->failed = true;
        return;
    }
    size = number(c, some ? (uint32_t)*len : 0, WIRE_FRAME_MAX);
    if (c->out) {
        if (*data)
            buf_add(c->out, *data, size);
        buf_add(c->out, "", 1);
        return;
    }
    *data = take(c, (size_t)size + 1);
    *len = size;
    if (!*data || ((const char *)*data)[size] != '\0' || (!some && size > 0))
        c->bad = true;
    if (!some)
        *data = NULL;
}

static void text(struct coder *c, const char **value)
{
    const void *data = *value;
    size_t len = *value ? strlen(*value) : 0;

    blob(c, &data, &len);
    if (!c->out && data && !c->bad && strlen(data) != len)
        c->bad = true;
    *value = c->bad ? NULL : data;
}

static void needed(struct coder *c, const char **value)
{
    text(c, value);
    if (!*value)
        c->bad = true;
}

static void visit_connect(struct coder *c, struct wire_message *m)
{
    struct link_target *t = &m->connect.target;

    needed(c, &m->connect.version);
    m->connect.id = number(c, m->connect.id, LINK_COUNT);
    needed(c, &m->connect.agent_id);
    needed(c, &m->connect.epoch);
    needed(c, &t->uri);
    text(c, &t->last);
    needed(c, &t->client_id);
    text(c, &t->username);
    text(c, &t->password);
    text(c, &t->ca_file);
    text(c, &t->cert_file);
    text(c, &t->key_file);
    small(c, &t->keepalive_s);
    signed_small(c, &t->mqtt_version);
    flag(c, &t->clean);
    small(c, &t->session_expiry_s);
    text(c, &t->will_topic);
    text(c, &t->will);
}

static void visit_publish(struct coder *c, struct wire_message *m)
{
    struct link_message *p = &m->publish.message;
    const void *payload = p->payload ? p->payload : "";

    m->publish.slot = number(c, m->publish.slot, LINK_SLOTS);
    needed(c, &p->topic);
    blob(c, &payload, &p->len);
    p->payload = payload;
    flag(c, &p->retained);
    flag(c, &p->plain);
    bytes(c, &p->seq, sizeof(p->seq));
    small(c, &p->expiry_s);
    blob(c, &p->correlation, &p->correlation_len);
}

static void visit_subscribe(struct coder *c, struct wire_message *m)
{
    m->subscribe.slot = number(c, m->subscribe.slot, LINK_SLOTS);
    m->subscribe.watch = number(c, m->subscribe.watch, LINK_WATCH_ECHO + 1);
    text(c, &m->subscribe.own);
    m->subscribe.count = number(c, (uint32_t)m->subscribe.count, WIRE_FILTERS_MAX + 1);
    for (size_t i = 0; i < m->subscribe.count; i++)
        needed(c, &m->subscribe.filters[i]);
}

/* A text into room of its own, cut to fit. */
static void kept(struct coder *c, char *value, size_t size)
{
    const char *words = value;

    needed(c, &words);
    if (!c->out && !c->bad) {
        size_t len = strnlen(words, size - 1);

        memcpy(value, words, len);
        value[len] = '\0';
    }
}

static void visit_event(struct coder *c, struct wire_message *m)
{
    struct link_event *e = &m->event;

    e->kind = number(c, e->kind, LINK_CLOSED + 1);
    e->slot = number(c, e->slot, LINK_SLOTS);
    signed_small(c, &e->reason);
    if (e->kind == LINK_DONE) /* by far the most */
        return;
    flag(c, &e->same);
    flag(c, &e->wiped);
    flag(c, &e->reached);
    flag(c, &e->closed);
    signed_small(c, &e->limits.mqtt_version);
    small(c, &e->limits.receive_max);
    small(c, &e->limits.max_packet);
    flag(c, &e->limits.retain);
    signed_small(c, &e->limits.max_qos);
    flag(c, &e->limits.session);
    small(c, &e->limits.keepalive_s);
    kept(c, e->address, sizeof(e->address));
    kept(c, e->text, sizeof(e->text));
}

static void visit_command(struct coder *c, struct wire_message *m)
{
    struct link_command *in = &m->command;
    const void *topic = in->topic, *payload = in->payload, *response = in->response;

    bytes(c, &in->token, sizeof(in->token));
    blob(c, &topic, &in->topic_len);
    blob(c, &payload, &in->payload_len);
    flag(c, &in->retained);
    blob(c, &response, &in->response_len);
    blob(c, &in->correlation, &in->correlation_len);
    bytes(c, &in->expiry_s, sizeof(in->expiry_s));
    if (!topic || !payload)
        c->bad = true;
    in->topic = topic;
    in->payload = payload;
    in->response = response;
}

static void visit(struct coder *c, struct wire_message *m)
{
    switch (m->kind) {
    case WIRE_CONNECT:
        visit_connect(c, m);
        break;
    case WIRE_PUBLISH:
        visit_publish(c, m);
        break;
    case WIRE_SUBSCRIBE:
        visit_subscribe(c, m);
        break;
    case WIRE_VERDICT:
        bytes(c, &m->token, sizeof(m->token));
        break;
    case WIRE_DISCONNECT:
        flag(c, &m->will);
        break;
    case WIRE_EVENT:
        visit_event(c, m);
        break;
    case WIRE_COMMAND:
        visit_command(c, m);
        break;
    case WIRE_LOG:
        m->log.level = number(c, m->log.level, LOG_DEBUG + 1);
        needed(c, &m->log.text);
        break;
    case WIRE_PING:
    case WIRE_PONG:
        break;
    case WIRE_KINDS:
        c->bad = true;
        break;
    }
}

struct head {
    uint32_t size; /* of the whole frame */
    uint32_t kind;
};

void wire_put(struct buf *out, const struct wire_message *message)
{
    struct wire_message m = *message;
    struct head head = {.kind = m.kind};
    struct coder c = {.out = out};
    size_t start = out->len;

    buf_add(out, &head, sizeof(head));
    visit(&c, &m);
    if (!buf_ok(out))
        return;
    if (c.bad || out->len - start > WIRE_FRAME_MAX) {
        out->failed = true;
        return;
    }
    head.size = (uint32_t)(out->len - start);
    memcpy(out->data + start, &head, sizeof(head));
}

ssize_t wire_get(const char *data, size_t len, struct wire_message *out)
{
    struct coder c = {.out = NULL};
    struct head head;

    if (len < sizeof(head))
        return 0;
    memcpy(&head, data, sizeof(head));
    if (head.size < sizeof(head) || head.size > WIRE_FRAME_MAX || head.kind < WIRE_CONNECT ||
        head.kind >= WIRE_KINDS)
        return -1;
    if (len < head.size)
        return 0;
    memset(out, 0, sizeof(*out));
    out->kind = head.kind;
    c.at = data + sizeof(head);
    c.end = data + head.size;
    visit(&c, out);
    return c.bad || c.at != c.end ? -1 : (ssize_t)head.size;
}
