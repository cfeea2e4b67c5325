/* test_link_race.c - a name's addresses, those that answer and those that do not. */
#include "bridge/link_race.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/procfs.h"

enum { FILLERS = 4 };

struct place {
    struct addrinfo info;
    struct sockaddr_in address;
    int listener, fillers[FILLERS];
};

/* Bound, so that nobody else gets the port. */
static void place_init(struct place *p)
{
    socklen_t len = sizeof(p->address);

    memset(p, 0, sizeof(*p));
    memset(p->fillers, -1, sizeof(p->fillers));
    p->address.sin_family = AF_INET;
    p->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&p->address, len), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&p->address, &len), 0);
    p->info = (struct addrinfo){.ai_family = AF_INET,
                                .ai_addr = (struct sockaddr *)&p->address,
                                .ai_addrlen = sizeof(p->address)};
}

static void refusing(struct place *p)
{
    place_init(p);
}

static void answering(struct place *p)
{
    place_init(p);
    assert_int_equal(listen(p->listener, 16), 0);
}

/* Its queue of connections is full: more get no answer at all. */
static void silent(struct place *p)
{
    place_init(p);
    assert_int_equal(listen(p->listener, 0), 0);
    for (size_t i = 0; i < FILLERS; i++) {
        p->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(p->fillers[i], p->info.ai_addr, p->info.ai_addrlen);
    }
}

static void finish(struct place *p)
{
    close(p->listener);
    for (size_t i = 0; i < FILLERS; i++)
        if (p->fillers[i] >= 0)
            close(p->fillers[i]);
}

static const struct addrinfo *winner;

static void expect_connected(int fd, const struct place *p)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);

    assert_true(fd >= 0);
    assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &len), 0);
    assert_int_equal(peer.sin_port, p->address.sin_port);
    assert_ptr_equal(winner, &p->info);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    close(fd);
}

static void a_refusing_one_is_passed_over_at_once(void **state)
{
    struct place no, yes;
    const struct addrinfo *order[] = {&no.info, &no.info, &yes.info};
    size_t open_before = procfs_count(getpid(), "fd");

    (void)state;
    refusing(&no);
    answering(&yes);
    expect_connected(race_run(order, 3, WAIT_MS, &winner), &yes);
    finish(&no);
    finish(&yes);
    assert_int_equal(procfs_count(getpid(), "fd"), open_before);
}

static void a_silent_one_holds_nobody_up(void **state)
{
    struct place dead, yes, late;
    const struct addrinfo *order[] = {&dead.info, &yes.info, &late.info};
    size_t open_before = procfs_count(getpid(), "fd");
    int64_t began;

    (void)state;
    silent(&dead);
    answering(&yes);
    answering(&late);
    began = now_ms();
    expect_connected(race_run(order, 3, WAIT_MS, &winner), &yes);
    assert_true(now_ms() - began >= RACE_STEP_MS); /* the preferred one has had its chance */
    order[1] = &dead.info;
    expect_connected(race_run(order, 3, WAIT_MS, &winner), &late);
    finish(&dead);
    finish(&yes);
    finish(&late);
    assert_int_equal(procfs_count(getpid(), "fd"), open_before);
}

static void it_is_said_why_there_is_none(void **state)
{
    struct place dead, no;
    const struct addrinfo *order[] = {&no.info, &no.info};
    size_t open_before;

    (void)state;
    silent(&dead);
    refusing(&no);
    open_before = procfs_count(getpid(), "fd");
    assert_int_equal(race_run(order, 2, WAIT_MS, &winner), -1);
    assert_int_equal(errno, ECONNREFUSED);
    order[0] = &dead.info;
    assert_int_equal(race_run(order, 2, 2 * RACE_STEP_MS, &winner), -1);
    assert_int_equal(errno, ETIMEDOUT);
    assert_int_equal(race_run(order, 1, 1, &winner), -1);
    assert_int_equal(errno, ETIMEDOUT);
    assert_int_equal(race_run(order, 0, WAIT_MS, &winner), -1);
    assert_int_equal(procfs_count(getpid(), "fd"), open_before);
    finish(&dead);
    finish(&no);
}

static void the_families_take_turns(void **state)
{
    static const struct {
        const char *families, *order; /* places in the list */
    } cases[] = {
        {"", ""},         {"6", "0"},         {"666444", "031425"}, {"444666", "031425"},
        {"6644", "0213"}, {"64444", "01234"}, {"46666", "01234"},   {"4446", "0312"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        size_t n = strlen(cases[i].families);
        struct addrinfo list[8] = {{0}};
        const struct addrinfo *order[RACE_MAX];
        size_t late;

        for (size_t k = 0; k < n; k++) {
            list[k].ai_family = cases[i].families[k] == '6' ? AF_INET6 : AF_INET;
            list[k].ai_next = k + 1 < n ? &list[k + 1] : NULL;
        }
        assert_int_equal(race_order(n ? list : NULL, NULL, order, &late), n);
        assert_int_equal(late, 0);
        for (size_t k = 0; k < n; k++)
            assert_ptr_equal(order[k], &list[cases[i].order[k] - '0']);
    }
}

static void there_is_a_bound(void **state)
{
    struct addrinfo list[RACE_MAX + 3] = {{0}};
    const struct addrinfo *order[RACE_MAX];
    size_t late;

    (void)state;
    for (size_t i = 0; i < RACE_MAX + 3; i++) {
        list[i].ai_family = AF_INET;
        list[i].ai_next = i + 1 < RACE_MAX + 3 ? &list[i + 1] : NULL;
    }
    assert_int_equal(race_order(list, NULL, order, &late), RACE_MAX);
}

static void some_are_tried_last(void **state)
{
    static const struct {
        const char *last, *order;
        size_t late;
    } cases[] = {
        {NULL, "0123", 0},
        {"", "0123", 0},
        {"127.0.0.1", "1230", 1},
        {"127.0.0.10,10.127.0.0.1", "0123", 0},
        {"127.0.0.3,::1,127.0.0.1", "2310", 3},
        {"10.0.0.1,127.0.0.3,127.0.0.2,::1,127.0.0.1", "3210", 4},
    };
    struct sockaddr_in four[3];
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct addrinfo list[4] = {
        {.ai_family = AF_INET},
        {.ai_family = AF_INET6, .ai_addr = (struct sockaddr *)&six, .ai_addrlen = sizeof(six)},
        {.ai_family = AF_INET},
        {.ai_family = AF_INET}};

    (void)state;
    for (unsigned i = 0; i < 4; i++) { /* 127.0.0.1, ::1, 127.0.0.2, 127.0.0.3 */
        unsigned n = i == 0 ? 0 : i - 1;

        list[i].ai_next = i < 3 ? &list[i + 1] : NULL;
        if (list[i].ai_family != AF_INET)
            continue;
        four[n] = (struct sockaddr_in){.sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK + n)};
        list[i].ai_addr = (struct sockaddr *)&four[n];
        list[i].ai_addrlen = sizeof(four[n]);
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct addrinfo *order[RACE_MAX];
        size_t late;

        assert_int_equal(race_order(list, cases[i].last, order, &late), 4);
        assert_int_equal(late, cases[i].late);
        for (size_t k = 0; k < 4; k++)
            assert_ptr_equal(order[k], &list[cases[i].order[k] - '0']);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusing_one_is_passed_over_at_once),
        cmocka_unit_test(a_silent_one_holds_nobody_up),
        cmocka_unit_test(it_is_said_why_there_is_none),
        cmocka_unit_test(the_families_take_turns),
        cmocka_unit_test(there_is_a_bound),
        cmocka_unit_test(some_are_tried_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
