/* test_window.c - slots in flight and the watermark. */
#include "bridge/window.h"

#include <stdlib.h>

#include "support/cmocka_all.h"

static struct slot *send(struct window *w, uint64_t seq)
{
    struct slot *slot = window_take(w, SLOT_EVENT);

    slot->event = studio_event_create(EVENT_CHANGE, "T", 0, 0, "}", 1);
    slot->event->seq = seq;
    return slot;
}

static void done(struct window *w, struct slot *slot)
{
    studio_event_unref(window_put(w, slot));
}

static void the_limit_is_the_brokers_and_never_above_ours(void **state)
{
    static struct window w;

    (void)state;
    window_init(&w, 0);
    assert_false(window_has_room(&w));
    window_reset(&w, 65535);
    assert_int_equal(w.limit, WINDOW_MAX);
    window_reset(&w, 2);
    window_take(&w, SLOT_CONTROL);
    assert_true(window_has_room(&w));
    window_take(&w, SLOT_CONTROL);
    assert_false(window_has_room(&w));
    assert_non_null(window_take(&w, SLOT_CONTROL)); /* last words go beyond it */
}

static void the_watermark_is_the_contiguous_part(void **state)
{
    static struct window w;
    struct slot *slots[5];

    (void)state;
    window_init(&w, 10);
    window_reset(&w, 10);
    for (uint64_t i = 0; i < 5; i++)
        slots[i] = send(&w, 11 + i);
    assert_false(window_advance(&w, 0, 16));
    done(&w, slots[1]);
    done(&w, slots[2]);
    assert_false(window_advance(&w, 0, 16));
    done(&w, slots[0]);
    assert_true(window_advance(&w, 0, 16));
    assert_int_equal(w.acked, 13);
    done(&w, slots[3]);
    done(&w, slots[4]);
    assert_true(window_advance(&w, 15, 16)); /* 15 was refused and waits */
    assert_int_equal(w.acked, 14);
    assert_true(window_advance(&w, 0, 16));
    assert_int_equal(w.acked, 15);
}

static void the_one_in_flight_for_longest_is_known(void **state)
{
    static struct window w;
    struct slot *slots[3];

    (void)state;
    window_init(&w, 0);
    window_reset(&w, 10);
    assert_int_equal(window_sent_ms(&w), -1);
    for (int i = 0; i < 3; i++) {
        slots[i] = send(&w, 1 + (uint64_t)i);
        slots[i]->sent_ms = 100 * i;
    }
    assert_int_equal(window_sent_ms(&w), 0);
    done(&w, slots[2]);
    done(&w, slots[0]);
    send(&w, 4)->sent_ms = 300;
    assert_int_equal(window_sent_ms(&w), 100);
    window_reset(&w, 10);
    assert_int_equal(window_sent_ms(&w), -1);
}

static void a_reset_frees_and_forgets(void **state)
{
    static struct window w;

    (void)state;
    window_init(&w, 0);
    window_reset(&w, 10);
    send(&w, 2);
    send(&w, 1);
    assert_int_equal(window_oldest(&w)->seq, 1);
    window_reset(&w, 10);
    assert_null(window_oldest(&w));
    assert_int_equal(w.in_flight, 0);
    assert_int_equal(w.acked, 0);
}

static void slots_are_numbered_and_run_out(void **state)
{
    static struct window w;
    bool seen[LINK_SLOTS] = {false};

    (void)state;
    window_init(&w, 0);
    for (int i = 0; i < LINK_SLOTS; i++) {
        unsigned n = window_number(&w, window_take(&w, SLOT_RETAINED));

        assert_true(n < LINK_SLOTS && !seen[n]);
        seen[n] = true;
    }
    assert_null(window_take(&w, SLOT_RETAINED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_is_the_brokers_and_never_above_ours),
        cmocka_unit_test(the_watermark_is_the_contiguous_part),
        cmocka_unit_test(the_one_in_flight_for_longest_is_known),
        cmocka_unit_test(a_reset_frees_and_forgets),
        cmocka_unit_test(slots_are_numbered_and_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
