/* turns.c - the server's loop: what is done when it is woken, ten times a second and at the end of each turn. */
#include <utlist.h>

#include "net/inside.h"

static struct connection *of_node(struct wheel_node *node)
{
    return lws_container_of(node, struct connection, node);
}

static void tick(void *ctx, struct wheel_node *node)
{
    const struct connection *c = of_node(node);

    (void)ctx;
    if (c->session)
        session_tick(c->session);
    else
        exchange_tick(c->exchange);
}

static void on_tick(void *ctx)
{
    struct server *server = ctx;

    server->ticking = true;
    wheel_step(&server->wheel, tick, server);
    server->ticking = false;
    door_tick(server->door);
    server->o.hooks.tick(server->o.hooks.ctx);
    if (server->loop) /* the library's own timers need a nudge on a foreign loop */
        lws_cancel_service(server->context);
}

static void on_wake(void *ctx)
{
    struct server *server = ctx;

    server->o.hooks.wake(server->o.hooks.ctx);
}

/* The rest has its turn after whatever has happened meanwhile. */
static void look_again(struct server *server)
{
    bool more;

    if (!server->recheck.next)
        return;
    server->ticking = true; /* their ends are a part of the step */
    more = recheck_step(&server->recheck);
    server->ticking = false;
    if (more)
        server_wake(server);
    else
        log_info("tls", "%zu connections end: no authority is left for their certificates",
                 server->recheck.expelled);
}

static void on_poll_soon(lws_sorted_usec_list_t *sul)
{
    (void)sul;
}

static void turn_soon(struct server *server)
{
    if (server->loop)
        loop_turn_soon(server->loop);
    else if (!server->soon.list.owner)
        lws_sul_schedule(server->context, 0, &server->soon, on_poll_soon,
                         (lws_usec_t)LOOP_SOON_MS * 1000);
}

static void on_turn(void *ctx)
{
    struct server *server = ctx;

    look_again(server);
    if (door_turn(server->door))
        turn_soon(server);
    server->o.hooks.turn(server->o.hooks.ctx);
    connections_settle(server);
}

static void on_poll_tick(lws_sorted_usec_list_t *sul)
{
    struct server *server = lws_container_of(sul, struct server, tick);

    on_tick(server);
    lws_sul_schedule(server->context, 0, &server->tick, on_poll_tick,
                     (lws_usec_t)LOOP_TICK_MS * 1000);
}

void server_run(struct server *server)
{
    if (server->loop) {
        loop_run(server->loop);
        return;
    }
    on_poll_tick(&server->tick);
    while (!server->stop && lws_service(server->context, 0) >= 0)
        on_turn(server);
    lws_sul_cancel(&server->tick);
    lws_sul_cancel(&server->soon);
}

void server_stop(struct server *server)
{
    server->stop = true;
    if (server->loop)
        loop_stop(server->loop);
    else
        lws_cancel_service(server->context);
}

void server_wake(struct server *server)
{
    if (server->loop)
        loop_wake(server->loop);
    else
        lws_cancel_service(server->context);
}

struct loop_hooks server_turns(struct server *server)
{
    return (struct loop_hooks){on_wake, on_tick, on_turn, server};
}

/* --- the end ------------------------------------------------------------------------------------ */

static void retire(void *ctx, struct wheel_node *node)
{
    const struct server *server = ctx;

    if (!of_node(node)->session)
        tick(ctx, node);
    else if (server->retirement == SERVER_FOLLOWS)
        session_close(of_node(node)->session, 1012, "Service restart");
    else
        session_close(of_node(node)->session, 1001, "Server shutting down");
}

void server_retire(struct server *server, enum server_retirement how)
{
    server->retirement = how;
    door_shut(server->door);
    server->o.exchanges->closing = true;
    wheel_each(&server->wheel, retire, server);
}
