#include "net/loop.h"

#include <ev.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "studio/error.h"

struct loop {
    struct ev_loop *ev;
    struct loop_hooks hooks;
    ev_async wake;
    ev_timer tick, soon;
    ev_prepare turn;
};

static void on_wake(struct ev_loop *ev, ev_async *watcher, int events)
{
    struct loop *loop = watcher->data;

    (void)ev;
    (void)events;
    loop->hooks.wake(loop->hooks.ctx);
}

static void on_tick(struct ev_loop *ev, ev_timer *watcher, int events)
{
    struct loop *loop = watcher->data;

    (void)ev;
    (void)events;
    loop->hooks.tick(loop->hooks.ctx);
}

static void on_soon(struct ev_loop *ev, ev_timer *watcher, int events)
{
    (void)ev;
    (void)watcher;
    (void)events;
}

static void on_turn(struct ev_loop *ev, ev_prepare *watcher, int events)
{
    struct loop *loop = watcher->data;

    (void)ev;
    (void)events;
    loop->hooks.turn(loop->hooks.ctx);
}

/* libev cannot go on without memory and would abort: what was answered is on disk, so end as what
 * failed while running and let the service manager start anew. */
static void *allocate(void *memory, long size)
{
    void *bigger;

    if (size == 0) {
        free(memory);
        return NULL;
    }
    bigger = realloc(memory, (size_t)size);
    if (!bigger) {
        log_error("server", "out of memory: the event loop cannot go on");
        _exit(STUDIO_EXIT_FAILED);
    }
    return bigger;
}

struct loop *loop_create(const struct loop_hooks *hooks)
{
    struct loop *loop = calloc(1, sizeof(*loop));

    if (!loop)
        return NULL;
    loop->hooks = *hooks;
    ev_set_allocator(allocate);
    loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (!loop->ev) {
        free(loop);
        return NULL;
    }
    ev_async_init(&loop->wake, on_wake);
    ev_timer_init(&loop->tick, on_tick, LOOP_TICK_MS / 1000.0, LOOP_TICK_MS / 1000.0);
    ev_init(&loop->soon, on_soon);
    ev_prepare_init(&loop->turn, on_turn);
    loop->wake.data = loop->tick.data = loop->turn.data = loop;
    ev_async_start(loop->ev, &loop->wake);
    ev_timer_start(loop->ev, &loop->tick);
    ev_prepare_start(loop->ev, &loop->turn);
    return loop;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    ev_async_stop(loop->ev, &loop->wake);
    ev_timer_stop(loop->ev, &loop->tick);
    ev_timer_stop(loop->ev, &loop->soon);
    ev_prepare_stop(loop->ev, &loop->turn);
    ev_loop_destroy(loop->ev);
    free(loop);
}

struct ev_loop *loop_ev(struct loop *loop)
{
    return loop->ev;
}

void loop_run(struct loop *loop)
{
    ev_run(loop->ev, 0);
}

void loop_stop(struct loop *loop)
{
    ev_break(loop->ev, EVBREAK_ALL);
}

void loop_turn_soon(struct loop *loop)
{
    if (ev_is_active(&loop->soon))
        return; /* not later for another one */
    ev_timer_set(&loop->soon, LOOP_SOON_MS / 1000.0, 0);
    ev_timer_start(loop->ev, &loop->soon);
}

void loop_wake(struct loop *loop)
{
    ev_async_send(loop->ev, &loop->wake);
}
