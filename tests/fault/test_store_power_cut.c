/*
 * test_store_power_cut.c - the power goes at any moment: what was acknowledged is there, and nothing
 * is there by half.
 *
 * A fixed script runs once on a recording disk and notes, after each call that came back, how the
 * store looks. Then the cut: for every sync and many moments between, in every mode of crashvfs.h, the
 * image must open and look as it did after the last call that had come back, or as after the one then
 * under way. STUDIO_CRASH_SEED repeats a run or tries another.
 */
#include <inttypes.h>
#include <unistd.h>

#include "fault/power_script.h"
#include "support/crashvfs.h"
#include "unit/agent/store/fixture.h"

/* One image of so many is judged: all of them in a plain build, in an instrumented one as many as its
 * ten times longer way leaves room for. Prime to the number of modes, so that each has its turn. */
enum {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    ONE_OF = 5,
#else
    ONE_OF = 1,
#endif
};

/* --- the judge ------------------------------------------------------------------------------- */

/* `look`, or for one that is to be new: nothing in it. */
static bool looks_like(const struct mark *expected, const struct store *store, const char *look)
{
    if (expected->look)
        return strcmp(expected->look, look) == 0;
    return store_info(store)->last_seq == 0;
}

/* Opens the image; NULL if all is as it must be, else what is wrong. */
static const char *judge(const char *dir, const struct mark *before, const struct mark *after)
{
    static char why[STUDIO_ERROR_TEXT_MAX + 100];
    struct studio_error error = {0};
    struct store_options options = script_options(dir, false);
    struct store *store = NULL;
    if (store_open(&options, &store, &error) != STUDIO_OK) {
        snprintf(why, sizeof why, "does not open: %s", error.text);
        return why;
    }
    const char *result = NULL;
    char *look = look_at(store);
    uint64_t last = store_info(store)->last_seq, boot = store_info(store)->boot;
    struct change next;
    if (!looks_like(before, store, look) && !looks_like(after, store, look)) {
        snprintf(why, sizeof why, "newest event %" PRIu64 ", looks like neither mark", last);
        result = why;
    } else if (boot != before->boot + 1 && boot != after->boot + 1) {
        result = "the count of starts is wrong";
    }
    make_change(&next, "NEW", 0);
    if (!result &&
        (store_commit(store, &next.item, 1, 0) != STUDIO_OK || next.event.seq != last + 1))
        result = "the next commit fails";
    store_close(store);
    free(look);
    return result;
}

static bool is_sound(const char *dir)
{
    char *text = NULL;
    size_t len = 0;
    struct studio_error error = {0};
    FILE *out = open_memstream(&text, &len);
    struct findings findings = {.out = out};
    struct tool tool;
    assert_non_null(out);
    assert_int_equal(tool_open(dir, false, &tool, &error), STUDIO_OK);
    check_database(tool.db, &findings);
    tool_close(&tool);
    fclose(out);
    free(text);
    return findings.count == 0;
}

/* The last mark at or before `op`, and the one after it. */
static size_t mark_before(size_t op)
{
    size_t found = 0;
    for (size_t i = 0; i < mark_count && marks[i].op <= op; i++)
        found = i;
    return found;
}

static const struct mark *mark_after(size_t found)
{
    return &marks[found + 1 < mark_count ? found + 1 : found];
}

static uint64_t first_seed(void)
{
    const char *text = getenv("STUDIO_CRASH_SEED");
    return text ? strtoull(text, NULL, 10) : 20260102;
}

struct tally {
    unsigned cuts;
    unsigned images; /* those of the cuts that were judged */
    unsigned bad[CRASH_MODE_COUNT];
};

/* One directory serves for all images: thousands would fill the disk. */
static void empty(const char *dir)
{
    static const char *const names[] = {"", "-wal", "-shm", "-journal"};
    char path[4096];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/" STORE_FILE "%s", dir, names[i]);
        (void)unlink(path);
    }
}

static void cut(struct tally *tally, size_t op, enum crash_mode mode, uint64_t seed, bool verbose)
{
    static const char *dir;
    /* A thread on a busy machine takes thousands of steps, which differ little: of these fewer. */
    size_t one_of = ONE_OF * ((1 + crashvfs_ops() / 1000) | 1);
    if (tally->cuts++ % one_of != 0)
        return;
    if (!dir)
        dir = tmpdir_create();
    empty(dir);
    size_t found = mark_before(op);
    crashvfs_image(op, mode, seed, dir);
    const char *why = judge(dir, &marks[found], mark_after(found));
    if (!why && tally->images % 8 == 0 && !is_sound(dir))
        why = "store check finds faults";
    tally->images++;
    if (why) {
        tally->bad[mode]++;
        if (verbose)
            print_error("cut before operation %zu, %s, seed %" PRIu64 ": %s\n", op,
                        crash_mode_name(mode), seed, why);
    }
}

/* At every sync with several seeds, and at every few operations between. */
static struct tally cut_everywhere(bool verbose)
{
    struct tally tally = {0};
    uint64_t seed = first_seed();
    print_message("seed %" PRIu64 ", %zu operations, %zu marks\n", seed, crashvfs_ops(),
                  mark_count);
    for (size_t op = 0; op <= crashvfs_ops(); op++) {
        bool sync = crashvfs_is_sync(op) || (op > 0 && crashvfs_is_sync(op - 1));
        if (!sync && op % BETWEEN != 0)
            continue;
        for (int mode = 0; mode < CRASH_MODE_COUNT; mode++) {
            bool random = mode == CRASH_REORDER || mode == CRASH_TEAR;
            for (unsigned i = 0; i < (sync && random ? SEEDS : 1); i++)
                cut(&tally, op, (enum crash_mode)mode, seed + i, verbose);
        }
    }
    return tally;
}

static unsigned all_bad(const struct tally *tally)
{
    unsigned bad = 0;
    for (int mode = 0; mode < CRASH_MODE_COUNT; mode++)
        bad += tally->bad[mode];
    return bad;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void test_power_cut(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    crashvfs_start(dir);
    run_script(dir, true);
    struct tally tally = cut_everywhere(true);
    print_message("%u images\n", tally.images);
    assert_true(tally.cuts > 300);
    assert_int_equal(all_bad(&tally), 0);
    crashvfs_stop();
    forget_marks();
}

/* Where the thread's steps fall differs from run to run, what must be there does not. */
static void test_power_cut_while_the_log_is_copied(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    crashvfs_start(dir);
    run_script_with(dir, true, true);
    struct tally tally = cut_everywhere(true);
    print_message("%u images\n", tally.images);
    assert_true(tally.cuts > 300);
    assert_int_equal(all_bad(&tally), 0);
    crashvfs_stop();
    forget_marks();
}

/* The judge and the disk are worth nothing if they do not notice a store that never syncs. */
static void test_a_store_that_does_not_sync_is_caught(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    crashvfs_start(dir);
    run_script(dir, false);
    struct tally tally = cut_everywhere(false);
    assert_int_equal(tally.bad[CRASH_KEEP], 0); /* kill -9 loses nothing even then */
    assert_true(tally.bad[CRASH_DROP] > 10 / ONE_OF);
    assert_true(tally.bad[CRASH_REORDER] > 10 / ONE_OF);
    assert_true(tally.bad[CRASH_TEAR] > 10 / ONE_OF);
    crashvfs_stop();
    forget_marks();
}

static bool note_rev(void *ctx, const char *table_id, uint64_t rev, const char *document,
                     size_t len)
{
    (void)ctx;
    (void)document;
    (void)len;
    revs[table_id[2] - '0'] = rev + 1;
    return true;
}

/* The power comes back, and goes again while the store recovers from the first time. */
static void cut_again(const char *first, const char *second, struct tally *tally)
{
    struct store_options options = script_options(first, false);
    struct store *store = open_with(&options);
    forget_marks();
    mark(store); /* what recovery must come to */
    marks[0].op = 0;
    marks[0].boot--;
    store_close(store);
    crashvfs_start(second);
    options = script_options(second, true);
    store = open_with(&options);
    mark(store);
    assert_int_equal(store_tables(store, note_rev, NULL), STUDIO_OK);
    commit_pieces(store, 3);
    store_close(store);
    crashvfs_pause();
    for (size_t op = 0; op <= crashvfs_ops(); op++)
        for (int mode = 0; mode < CRASH_MODE_COUNT; mode++)
            cut(tally, op, (enum crash_mode)mode, first_seed(), true);
    crashvfs_stop();
    forget_marks();
}

static void test_second_cut_while_recovering(void **state)
{
    (void)state;
    enum { CUTS = 12 };
    const char *pairs[CUTS][2];
    const char *dir = tmpdir_create();
    struct tally tally = {0};
    crashvfs_start(dir);
    run_script(dir, true);
    for (size_t i = 0; i < CUTS; i++) {
        size_t op = crashvfs_ops() * (i + 1) / (CUTS + 1);
        while (!crashvfs_is_sync(op))
            op++;
        for (int twin = 0; twin < 2; twin++) {
            pairs[i][twin] = tmpdir_create();
            crashvfs_image(op, CRASH_TEAR, first_seed(), pairs[i][twin]);
        }
    }
    crashvfs_stop();
    for (size_t i = 0; i < CUTS; i++)
        cut_again(pairs[i][0], pairs[i][1], &tally);
    print_message("%u images\n", tally.images);
    assert_int_equal(all_bad(&tally), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_cut),
        cmocka_unit_test(test_power_cut_while_the_log_is_copied),
        cmocka_unit_test(test_a_store_that_does_not_sync_is_caught),
        cmocka_unit_test(test_second_cut_while_recovering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
