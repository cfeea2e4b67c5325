/* test_handover.c - who asks for a handover waits for what becomes of it. */
#include "handover.h"

#include <stdatomic.h>
#include <string.h>

#include "support/cmocka_all.h"

/* The net thread: does what the test says as soon as it is wanted. */
struct net {
    struct handover handover;
    pthread_t thread;
    atomic_bool woken;
    void (*then)(struct net *net, const char *to);
};

static void wake(void *ctx)
{
    atomic_store(&((struct net *)ctx)->woken, true);
}

static void *run(void *arg)
{
    struct net *net = arg;
    char to[STORE_OWNER_MAX + 1];

    while (!atomic_load(&net->woken) || !handover_wanted(&net->handover, to))
        ;
    net->then(net, to);
    return NULL;
}

static bool ask(void (*then)(struct net *net, const char *to), char text[256])
{
    struct net net = {.then = then};
    struct buf out;

    buf_init_fixed(&out, text, 256);
    handover_init(&net.handover, wake, &net);
    assert_int_equal(pthread_create(&net.thread, NULL, run, &net), 0);
    const bool done = handover_ask(&net.handover, "b", &out);
    pthread_join(net.thread, NULL);
    assert_true(buf_ok(&out));
    handover_finish(&net.handover);
    return done;
}

static void another_then_he(struct net *net, const char *to)
{
    assert_string_equal(to, "b");
    handover_taken(&net->handover, "c"); /* is not whom it was for */
    assert_true(handover_wanted(&net->handover, (char[STORE_OWNER_MAX + 1]){0}));
    handover_taken(&net->handover, to);
    handover_fail(&net->handover, "late"); /* counts no more */
}

static void done_when_he_has_it(void **state)
{
    char text[256];

    (void)state;
    assert_true(ask(another_then_he, text));
    assert_memory_equal(text, "b has it, after ", 16);
}

static void refuse(struct net *net, const char *to)
{
    (void)to;
    handover_fail(&net->handover, "the database did not answer");
}

static void says_why_not(void **state)
{
    char text[256];

    (void)state;
    assert_false(ask(refuse, text));
    assert_string_equal(text, "it was not handed over to b: the database did not answer");
}

static void end(struct net *net, const char *to)
{
    (void)to;
    handover_end(&net->handover);
}

static void ends_with_the_agent(void **state)
{
    struct handover h;
    struct buf out;
    char text[256];

    (void)state;
    assert_false(ask(end, text));
    assert_non_null(strstr(text, "this agent has ended"));
    /* Nobody is left to do it. */
    struct net net = {.then = end};
    handover_init(&h, wake, &net);
    handover_end(&h);
    buf_init_fixed(&out, text, sizeof(text));
    assert_false(handover_ask(&h, "b", &out));
    handover_finish(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(done_when_he_has_it),
        cmocka_unit_test(says_why_not),
        cmocka_unit_test(ends_with_the_agent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
