/* test_reply.c - answers and their list. */
#include "bridge/reply.h"

#include <stdlib.h>

#include "support/cmocka_all.h"

static void all_parts_are_copies(void **state)
{
    char topic[] = "a/b", payload[] = "{}", client[] = "plc", correlation[] = {'x', 0, 'y'};
    struct reply *r =
        reply_create(client, topic, NULL, correlation, sizeof(correlation), payload, 2);

    (void)state;
    topic[0] = payload[0] = client[0] = correlation[0] = '?';
    assert_string_equal(r->topic, "a/b");
    assert_string_equal(r->payload, "{}");
    assert_int_equal(r->len, 2);
    assert_string_equal(r->client, "plc");
    assert_memory_equal(r->correlation, "x\0y", 3);
    free(r);
    r = reply_create(NULL, "t", NULL, NULL, 0, "", 0);
    assert_null(r->client);
    assert_null(r->correlation);
    free(r);
}

static void the_list_is_in_order_and_bounded(void **state)
{
    static char large[1 << 20];
    struct reply_list list = {.count = 0};
    struct reply *r;
    int added = 0;

    (void)state;
    reply_list_add(&list, reply_create(NULL, "2", NULL, NULL, 0, "", 0));
    reply_list_push_front(&list, reply_create(NULL, "1", NULL, NULL, 0, "", 0));
    reply_list_add(&list, reply_create(NULL, "3", NULL, NULL, 0, "", 0));
    for (char expected = '1'; (r = reply_list_take(&list)); expected++) {
        assert_int_equal(r->topic[0], expected);
        free(r);
    }
    assert_int_equal(list.bytes, 0);
    for (;;) {
        r = reply_create(NULL, "t", NULL, NULL, 0, large, sizeof(large));
        if (!reply_list_add(&list, r))
            break;
        added++;
    }
    free(r);
    assert_int_equal(added, REPLIES_MAX_BYTES / sizeof(large) - 1); /* each is a little larger */
    reply_list_clear(&list);
    assert_null(list.tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_parts_are_copies),
        cmocka_unit_test(the_list_is_in_order_and_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
