#include "pacer.h"

static struct pacer_list *list_of(struct pacer *p, enum pacer_state state)
{
    switch (state) {
    case PACER_FRESH:
        return &p->fresh;
    case PACER_BACKFILL:
        return &p->backfill;
    case PACER_COOLING:
        return &p->cooling;
    case PACER_IDLE:
        break;
    }
    return NULL;
}

static void move(struct pacer *p, struct pacer_node *node, enum pacer_state to)
{
    struct pacer_list *from_list = list_of(p, node->state);
    struct pacer_list *to_list = list_of(p, to);

    if (from_list) {
        *(node->prev ? &node->prev->next : &from_list->head) = node->next;
        *(node->next ? &node->next->prev : &from_list->tail) = node->prev;
    }
    node->prev = node->next = NULL;
    node->state = to;
    if (to_list) {
        node->prev = to_list->tail;
        *(to_list->tail ? &to_list->tail->next : &to_list->head) = node;
        to_list->tail = node;
    }
}

void pacer_init(struct pacer *p, int64_t interval_ms)
{
    *p = (struct pacer){.interval_ms = interval_ms};
}

void pacer_mark(struct pacer *p, struct pacer_node *node)
{
    if (node->state == PACER_COOLING)
        node->news = true;
    else if (node->state != PACER_FRESH)
        move(p, node, PACER_FRESH);
}

void pacer_mark_backfill(struct pacer *p, struct pacer_node *node)
{
    if (node->state == PACER_FRESH)
        return;
    node->news = false;
    move(p, node, PACER_BACKFILL);
}

void pacer_spread(struct pacer *p, int64_t now_ms, int64_t first_ms, int64_t gap_ms,
                  int64_t until_ms)
{
    p->spread_due_ms = now_ms + first_ms;
    p->spread_gap_ms = gap_ms;
    p->spread_until_ms = until_ms;
}

/* The first of the backfill, if it may go. */
static struct pacer_node *backfill(const struct pacer *p, int64_t now_ms)
{
    bool spread = now_ms < p->spread_until_ms;

    return spread && now_ms < p->spread_due_ms ? NULL : p->backfill.head;
}

void pacer_postpone(struct pacer *p, struct pacer_node *node, int64_t now_ms)
{
    move(p, node, PACER_COOLING);
    node->last_ms = now_ms;
    node->news = true;
}

void pacer_remove(struct pacer *p, struct pacer_node *node)
{
    node->news = false;
    move(p, node, PACER_IDLE);
}

/* Lets go of those whose interval is over. */
static void release(struct pacer *p, int64_t now_ms)
{
    struct pacer_node *node;

    while ((node = p->cooling.head) && now_ms - node->last_ms >= p->interval_ms) {
        move(p, node, node->news ? PACER_FRESH : PACER_IDLE);
        node->news = false;
    }
}

bool pacer_ready(struct pacer *p, int64_t now_ms)
{
    release(p, now_ms);
    return p->fresh.head || backfill(p, now_ms);
}

struct pacer_node *pacer_next(struct pacer *p, int64_t now_ms)
{
    struct pacer_node *node;

    if (!pacer_ready(p, now_ms))
        return NULL;
    if (p->fresh.head && (!backfill(p, now_ms) || p->turn < PACER_FRESH_PER_BACKFILL)) {
        node = p->fresh.head;
        p->turn++;
    } else {
        node = p->backfill.head;
        p->turn = 0;
        p->spread_due_ms = now_ms + p->spread_gap_ms;
    }
    node->last_ms = now_ms;
    node->news = false;
    move(p, node, PACER_COOLING);
    return node;
}

int64_t pacer_deadline(const struct pacer *p)
{
    int64_t cooled =
        p->cooling.head ? p->cooling.head->last_ms + p->interval_ms : PACER_NEVER_DEADLINE;
    int64_t due = p->spread_due_ms < p->spread_until_ms ? p->spread_due_ms : p->spread_until_ms;

    if (p->backfill.head && p->spread_until_ms > 0 && (cooled < 0 || due < cooled))
        return due;
    return cooled;
}
