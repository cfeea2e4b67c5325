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
#include <pthread.h>
#include <unistd.h>

#include "store/tools.h"
#include "support/crashvfs.h"
#include "unit/agent/store/fixture.h"

enum { MARKS_MAX = 200, PIECES = 40, SEEDS = 3, BETWEEN = 5 };

static const int64_t now_ms = 1700000000000;

/* How the store looked when `op` operations had been recorded. */
struct mark {
    size_t op;
    uint64_t boot;
    char *look; /* NULL: no store yet */
};

static struct mark marks[MARKS_MAX];
static size_t mark_count;

/* --- how a store looks ----------------------------------------------------------------------- */

static bool print_event(void *ctx, struct studio_event *event)
{
    fprintf(ctx, "%" PRIu64 " %d %s %" PRIu64 " %d %.*s\n", event->seq, (int)event->kind,
            event->table_id, event->rev, event->parked, (int)event->body_len, event->body);
    return true;
}

static bool print_table(void *ctx, const char *table_id, uint64_t rev, const char *document,
                        size_t len)
{
    fprintf(ctx, "%s %" PRIu64 " %.*s\n", table_id, rev, (int)len, document ? document : "");
    return true;
}

static bool print_field(void *ctx, const char *table_id, const char *field)
{
    fprintf(ctx, "%s %s\n", table_id, field);
    return true;
}

static char *look_at(struct store *store, const char *dir)
{
    char *text = NULL, *answer = NULL;
    size_t len = 0;
    bool found, same;
    static const unsigned char digest[32];
    const struct store_info *info = store_info(store);
    struct store_reader *reader = open_reader(dir);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fprintf(out, "%s %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", info->epoch,
            info->agent_id, info->oldest, info->last_seq, info->acked, info->parked);
    assert_int_equal(store_read_events(reader, 0, UINT64_MAX, SIZE_MAX, print_event, out),
                     STUDIO_OK);
    assert_int_equal(store_tables(store, print_table, out), STUDIO_OK);
    assert_int_equal(store_read_cleared(reader, print_field, out), STUDIO_OK);
    for (uint64_t seq = 1; seq <= info->last_seq; seq++) {
        char id[24];
        snprintf(id, sizeof id, "%" PRIu64, seq);
        assert_int_equal(
            store_read_request(reader, "T-0", "plc", id, digest, &found, &same, &answer),
            STUDIO_OK);
        fprintf(out, "%d%s", found, answer ? answer : "");
        free(answer);
    }
    fclose(out);
    store_reader_close(reader);
    return text;
}

static void mark(struct store *store, const char *dir)
{
    assert_true(mark_count < MARKS_MAX);
    marks[mark_count++] = (struct mark){.op = crashvfs_ops(),
                                        .boot = store ? store_info(store)->boot : 0,
                                        .look = store ? look_at(store, dir) : NULL};
}

static void forget_marks(void)
{
    for (size_t i = 0; i < mark_count; i++)
        free(marks[i].look);
    mark_count = 0;
}

/* --- the script ------------------------------------------------------------------------------ */

/* Bodies and documents from a few bytes to some pages. */
struct piece {
    char table_id[8];
    char body[9000];
    char document[9000];
    char request_id[24];
    struct store_request request;
    struct studio_event event;
    struct studio_snapshot snapshot;
};
static struct piece pieces[PIECES];
static uint64_t revs[3];

static struct store_item make_item(struct piece *piece, uint64_t seq)
{
    static const char *const field[] = {"note"};
    static char pad[8001];
    unsigned table = (unsigned)(seq % 3);
    size_t len = seq % 11 == 0 ? sizeof pad - 1 : (size_t)(seq * 37 % 300);
    memset(pad, 'a' + (int)(seq % 26), sizeof pad - 1);
    uint64_t rev = revs[table]++;
    snprintf(piece->table_id, sizeof piece->table_id, "T-%u", table);
    snprintf(piece->request_id, sizeof piece->request_id, "%" PRIu64, seq);
    int body = snprintf(piece->body, sizeof piece->body,
                        "\"table_id\":\"%s\",\"rev\":%" PRIu64 "," FIXTURE_ORIGIN
                        ",\"changes\":{\"note\":[null,\"%.*s\"]}}",
                        piece->table_id, rev, (int)len, pad);
    int document = snprintf(piece->document, sizeof piece->document,
                            "{\"TABLE_ID\":\"%s\",\"UPTIME\":%" PRIu64 ",\"note\":\"%.*s\"}",
                            piece->table_id, rev, (int)len, pad);
    piece->event = (struct studio_event){.kind = EVENT_CHANGE,
                                         .table_id = piece->table_id,
                                         .rev = rev,
                                         .wall_ms = now_ms,
                                         .body = piece->body,
                                         .body_len = (size_t)body};
    piece->snapshot = (struct studio_snapshot){.table_id = piece->table_id,
                                               .rev = rev,
                                               .document = piece->document,
                                               .document_len = (size_t)document};
    struct store_item item = {.event = &piece->event, .snapshot = &piece->snapshot};
    if (seq % 5 == 0) {
        piece->snapshot.removed = true;
        item.cleared = field;
        item.cleared_count = 1;
    } else {
        item.set = field;
        item.set_count = 1;
    }
    if (table == 0) {
        piece->request = (struct store_request){.table_id = piece->table_id,
                                                .client = "plc",
                                                .request_id = piece->request_id,
                                                .answer = "{}",
                                                .answer_len = 2,
                                                .wall_ms = now_ms};
        item.request = &piece->request;
    }
    return item;
}

static void commit_pieces(struct store *store, const char *dir, size_t count)
{
    struct store_item items[PIECES];
    uint64_t last = store_info(store)->last_seq;
    assert_true(count <= PIECES);
    for (size_t i = 0; i < count; i++)
        items[i] = make_item(&pieces[i], last + 1 + i);
    /* What the broker has acknowledged stays a little behind. */
    assert_int_equal(store_commit(store, items, count, last > 5 ? last - 5 : 0), STUDIO_OK);
    mark(store, dir);
}

static void do_housework(struct store *store, const char *dir, bool checkpoint)
{
    bool more = true;
    if (checkpoint)
        store->wal_pages = STORE_WAL_STEP;
    while (more) {
        assert_int_equal(store_housekeep(store, now_ms, &more), STUDIO_OK);
        mark(store, dir);
    }
}

static struct store_options script_options(const char *dir, bool sync)
{
    struct store_options options = options_for(dir);
    options.retention_events = 60;
    options.unsafe_no_sync = !sync;
    return options;
}

/* The log is copied while commits go on, as fast as it comes. */
struct copying {
    struct store_copier *copier;
    pthread_t thread;
    atomic_bool stop;
};

static void *copy_all_the_time(void *arg)
{
    struct copying *copying = arg;
    while (!atomic_load(&copying->stop))
        if (store_copy(copying->copier) != STUDIO_OK)
            return NULL;
    return arg;
}

static void begin_copying(struct copying *copying, struct store *store)
{
    struct studio_error error = {0};
    assert_int_equal(store_copier_open(store, &copying->copier, &error), STUDIO_OK);
    assert_int_equal(pthread_create(&copying->thread, NULL, copy_all_the_time, copying), 0);
}

static void end_copying(struct copying *copying)
{
    void *result = NULL;
    atomic_store(&copying->stop, true);
    assert_int_equal(pthread_join(copying->thread, &result), 0);
    assert_ptr_equal(result, copying);
    store_copier_close(copying->copier);
}

/* Two starts with an orderly stop between them, the second one is left to the cut. */
static void run_script_with(const char *dir, bool sync, bool copy)
{
    static const size_t sizes[] = {1, 1, 3, PIECES, 1, 2, 17, 1, 1, 5, 30, 1};
    struct store_options options = script_options(dir, sync);
    memset(revs, 0, sizeof revs);
    mark(NULL, dir);
    for (int start = 0; start < 2; start++) {
        struct store *store = open_with(&options);
        struct copying copying = {.stop = false};
        mark(store, dir);
        if (copy)
            begin_copying(&copying, store);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            commit_pieces(store, dir, sizes[i]);
            if (i % 4 == 1) {
                assert_int_equal(store_park(store, store_info(store)->last_seq, "0x87"), STUDIO_OK);
                mark(store, dir);
            }
            if (i % 3 == 2)
                do_housework(store, dir, i % 2 == 0);
        }
        if (copy)
            end_copying(&copying);
        store_close(store);
    }
    crashvfs_pause();
}

static void run_script(const char *dir, bool sync)
{
    run_script_with(dir, sync, false);
}

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
    char *look = look_at(store, dir);
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
    unsigned images;
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
    assert_true(tally.images > 300);
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
    assert_true(tally.images > 300);
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
    assert_true(tally.bad[CRASH_DROP] > 10);
    assert_true(tally.bad[CRASH_REORDER] > 10);
    assert_true(tally.bad[CRASH_TEAR] > 10);
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
    mark(store, first); /* what recovery must come to */
    marks[0].op = 0;
    marks[0].boot--;
    store_close(store);
    crashvfs_start(second);
    options = script_options(second, true);
    store = open_with(&options);
    mark(store, second);
    assert_int_equal(store_tables(store, note_rev, NULL), STUDIO_OK);
    commit_pieces(store, second, 3);
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
