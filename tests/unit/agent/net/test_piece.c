/* test_piece.c - frames gathered to a piece: whatever their lengths, they end at its end and not behind it. */
#include "net/piece.h"

#include <string.h>

#include "support/cmocka_all.h"

enum { GUARD = 64, LONGEST = PIECE_MAX + 8 };

static struct {
    struct piece piece;
    char behind[GUARD];
} at;
static char text[LONGEST];

static void begin(void)
{
    memset(&at, 'g', sizeof at);
    at.piece.len = 0;
}

static void expect_nothing_beside(void)
{
    for (size_t i = 0; i < SNAPSHOT_HEADROOM; i++)
        assert_int_equal(at.piece.bytes[i], 'g');
    for (size_t i = at.piece.len; i < PIECE_MAX; i++)
        assert_int_equal(at.piece.bytes[SNAPSHOT_HEADROOM + i], 'g');
    for (size_t i = 0; i < GUARD; i++)
        assert_int_equal(at.behind[i], 'g');
}

static size_t head_of(size_t len)
{
    return len < 126 ? 2 : 4;
}

/* What was appended behind `before`: a frame of so much of the text. */
static void expect_frame(size_t before, size_t len)
{
    const unsigned char *frame = (const unsigned char *)at.piece.bytes + SNAPSHOT_HEADROOM + before;
    size_t head = head_of(len);

    assert_int_equal(at.piece.len, before + head + len);
    assert_int_equal(frame[0], 0x81);
    if (head == 2) {
        assert_int_equal(frame[1], len);
    } else {
        assert_int_equal(frame[1], 126);
        assert_int_equal(frame[2] << 8 | frame[3], len);
    }
    assert_memory_equal(frame + head, text, len);
}

/* Appends it where it fits, and not where it does not. */
static void add(size_t len)
{
    size_t before = at.piece.len;

    if (head_of(len) + len <= PIECE_MAX - before) {
        assert_true(piece_add(&at.piece, text, len));
        expect_frame(before, len);
    } else {
        assert_false(piece_add(&at.piece, text, len));
        assert_int_equal(at.piece.len, before);
    }
    expect_nothing_beside();
}

static void one_of_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len <= LONGEST; len++) {
        begin();
        add(len);
    }
}

/* The first ends on each of the last bytes, also on the last one, and then every length comes. */
static void a_second_of_every_length_around_the_end(void **state)
{
    enum { LAST = 140, BYTES = 150 };

    (void)state;
    for (size_t first = PIECE_MAX - 4 - LAST; first <= PIECE_MAX - 4; first++)
        for (size_t second = 0; second <= BYTES; second++) {
            begin();
            add(first);
            add(second);
        }
}

static void short_ones_until_it_is_full(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 200; len++) {
        size_t before;
        begin();
        do {
            before = at.piece.len;
            add(len);
        } while (at.piece.len > before);
        assert_true(PIECE_MAX - at.piece.len < head_of(len) + len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_every_length),
        cmocka_unit_test(a_second_of_every_length_around_the_end),
        cmocka_unit_test(short_ones_until_it_is_full),
    };

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
