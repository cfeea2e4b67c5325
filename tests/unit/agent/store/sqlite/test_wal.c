/*
 * test_wal.c - damage in the write-ahead log: never taken for a power cut where whole transactions
 * would be lost, and a power cut never for damage (test_store_power_cut.c tries thousands of those).
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/agent/store/tools_fixture.h"

enum {
    COMMITS = 12,
    LIKE_A_POWER_CUT = 2, /* transactions whose damage cannot be told from one */
    HEADER = 32,
    FRAME = 24 + 4096
};

/* What kill -9 leaves of a store: the file and its log. */
struct image {
    char *db, *wal;
    size_t db_len, wal_len;
};

static struct image image_of(const char *dir)
{
    struct image i;
    i.db = tmpdir_read(tmpdir_path(dir, STORE_FILE), &i.db_len);
    i.wal = tmpdir_read(tmpdir_path(dir, STORE_FILE "-wal"), &i.wal_len);
    assert_non_null(i.db);
    assert_non_null(i.wal);
    return i;
}

static void image_free(struct image *i)
{
    free(i->db);
    free(i->wal);
}

/* The image in a directory that serves for all. */
static const char *laid(const struct image *i)
{
    static const char *dir;
    if (!dir)
        dir = tmpdir_create();
    (void)unlink(tmpdir_path(dir, STORE_FILE "-shm"));
    put_file(dir, STORE_FILE, i->db, i->db_len);
    put_file(dir, STORE_FILE "-wal", i->wal, i->wal_len);
    return dir;
}

/* Some commits, some of them several pages long, none in the file yet. */
static struct image usual_image(void)
{
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    for (unsigned i = 0; i < COMMITS; i++)
        assert_int_equal(commit_change(store, i % 3 ? "A-1" : "B-2", i), STUDIO_OK);
    struct image image = image_of(dir);
    store_close(store);
    return image;
}

/* Opens what was laid: the newest event, or -1 if it was refused with a sentence about the log. */
static int64_t opened(const char *dir)
{
    struct store_options options = options_for(dir);
    struct studio_error error = {0};
    struct store *store = NULL;
    if (store_open(&options, &store, &error) == STUDIO_OK) {
        int64_t last = (int64_t)store_info(store)->last_seq;
        store_close(store);
        return last;
    }
    assert_int_equal(error.code, STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "-wal is damaged at "));
    assert_non_null(strstr(error.text, "restore a backup"));
    assert_true(strstr(error.text, "store restored") || strstr(error.text, "move studio.db*"));
    return -1;
}

static void a_sound_log_is_not_refused(void **state)
{
    (void)state;
    struct image image = usual_image();
    assert_int_equal(opened(laid(&image)), COMMITS);
    image_free(&image);
}

/* Every part of every frame and of the header. */
static void damage_anywhere_is_refused_or_costs_no_more_than_a_power_cut(void **state)
{
    static const size_t parts[] = {0, 5, 9, 17, 24, 1000, 4000};
    (void)state;
    struct image image = usual_image();
    size_t refused = 0, tried = 0;
    for (size_t at = 0; at < image.wal_len;) {
        size_t in_frame = at < HEADER ? 0 : (at - HEADER) % FRAME;
        image.wal[at] ^= 0x10;
        int64_t last = opened(laid(&image));
        image.wal[at] ^= 0x10;
        if (last >= 0 && last < COMMITS - LIKE_A_POWER_CUT)
            fail_msg("a wrong byte at %zu costs all events from %d on", at, (int)last + 1);
        refused += last < 0;
        tried++;
        if (at < HEADER) {
            at++;
            continue;
        }
        size_t next = 0;
        while (next < sizeof parts / sizeof *parts && parts[next] <= in_frame)
            next++;
        at += next == sizeof parts / sizeof *parts ? FRAME - in_frame : parts[next] - in_frame;
    }
    print_message("%zu of %zu refused\n", refused, tried);
    assert_true(refused > tried / 2);
    image_free(&image);
}

static void a_lost_beginning_is_refused(void **state)
{
    static const size_t lengths[] = {HEADER, 512, 4096, HEADER + FRAME, 3 * FRAME};
    (void)state;
    struct image image = usual_image();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memset(image.wal, 0, lengths[i]);
        assert_int_equal(opened(laid(&image)), -1);
    }
    image_free(&image);
}

/* The power goes while a log that is in the file already is begun anew. */
static void a_log_that_is_in_the_file_may_lose_its_header(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    commit_changes(store, "A-1", 0, COMMITS);
    assert_int_equal(store_checkpoint(as_sqlite(store), true), STUDIO_OK);
    struct image image = image_of(dir);
    for (size_t at = 0; at < HEADER; at += 3) {
        image.wal[at] ^= 0x10;
        assert_int_equal(opened(laid(&image)), COMMITS);
        image.wal[at] ^= 0x10;
    }
    /* Begun anew, with the rest of the older one behind it. */
    assert_int_equal(commit_change(store, "A-1", COMMITS), STUDIO_OK);
    image_free(&image);
    image = image_of(dir);
    assert_true(image.wal_len > (size_t)COMMITS * FRAME);
    assert_int_equal(opened(laid(&image)), COMMITS + 1);
    store_close(store);
    image_free(&image);
}

static void what_power_cuts_leave_is_not_refused(void **state)
{
    (void)state;
    struct image image = usual_image();
    size_t whole = image.wal_len;
    for (; image.wal_len > HEADER + 4 * FRAME; image.wal_len -= FRAME / 3)
        assert_true(opened(laid(&image)) >= 0);
    image.wal_len = whole;
    /* Of the last transaction only the end has reached the disk. */
    memset(image.wal + whole - 2 * FRAME, 0, FRAME);
    assert_int_equal(opened(laid(&image)), COMMITS - 1);
    image_free(&image);
}

static void the_commands_know_it(void **state)
{
    (void)state;
    struct image image = usual_image();
    image.wal[image.wal_len / 2] ^= 1;
    const char *dir = laid(&image);
    struct studio_error error = {0};
    enum studio_err err;
    char epoch[STORE_EPOCH_LEN + 1];

    char *text = check_text(dir, &err, &error);
    assert_int_equal(err, STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(text, "fault: log: damaged at frame "));
    free(text);
    FILE *out = fopen("/dev/null", "w");
    assert_non_null(out);
    assert_int_equal(export_to(dir, -1, out, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "damaged at frame "));
    fclose(out);
    assert_int_equal(opened(dir), -1);

    /* On purpose it goes on with what can be read, under another epoch. */
    assert_int_equal(restored(dir, epoch, &error), STUDIO_OK);
    struct store *store = open_store(dir);
    assert_string_equal(store_info(store)->epoch, epoch);
    assert_in_range(store_info(store)->last_seq, 1, COMMITS - 1);
    store_close(store);
    image_free(&image);
}

static void the_commands_know_a_damaged_header(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct studio_error error = {0};
    enum studio_err err;
    store_close(open_store(dir));
    struct store *store = open_store(dir);
    commit_changes(store, "A-1", 0, 5);
    struct image image = image_of(dir);
    store_close(store);
    image.wal[0] ^= 1;
    char *text = check_text(laid(&image), &err, &error);
    assert_int_equal(err, STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(text, "fault: log: damaged at its header, "));
    free(text);
    image_free(&image);

    image = usual_image(); /* of which nothing is in the file yet */
    image.wal[0] ^= 1;
    text = check_text(laid(&image), &err, &error);
    assert_int_equal(err, STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "-wal is damaged at its header"));
    free(text);
    image_free(&image);
}

/* What the system takes for clean is dirty again, and the same. */
static void a_log_is_written_again(void **state)
{
    static const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct studio_error error = {0};
    struct stat st;
    size_t len;
    (void)state;
    struct image image = usual_image();
    const char *dir = laid(&image);
    const char *db = tmpdir_path(dir, STORE_FILE), *wal = tmpdir_path(dir, STORE_FILE "-wal");
    assert_int_equal(utimensat(AT_FDCWD, wal, old, 0), 0);
    assert_int_equal(wal_write_again(db, &error), STUDIO_OK);
    assert_int_equal(stat(wal, &st), 0);
    assert_true(st.st_mtim.tv_sec > 1000);
    char *bytes = tmpdir_read(wal, &len);
    assert_int_equal(len, image.wal_len);
    assert_memory_equal(bytes, image.wal, len);
    free(bytes);
    assert_int_equal(unlink(wal), 0);
    assert_int_equal(wal_write_again(db, &error), STUDIO_OK);
    assert_int_equal(mkdir(wal, 0700), 0);
    assert_int_equal(wal_write_again(db, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "-wal cannot be written again: "));
    assert_int_equal(rmdir(wal), 0);
    image_free(&image);
}

static void a_log_that_cannot_be_read_is_said(void **state)
{
    (void)state;
    struct image image = usual_image();
    const char *dir = laid(&image);
    const char *wal = tmpdir_path(dir, STORE_FILE "-wal");
    struct store_options options = options_for(dir);
    struct studio_error error = {0};
    struct store *store = NULL;
    assert_int_equal(unlink(wal), 0);
    assert_int_equal(mkdir(wal, 0700), 0);
    assert_int_equal(store_open(&options, &store, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "-wal cannot be read: "));
    assert_int_equal(rmdir(wal), 0);
    image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_log_is_not_refused),
        cmocka_unit_test(damage_anywhere_is_refused_or_costs_no_more_than_a_power_cut),
        cmocka_unit_test(a_lost_beginning_is_refused),
        cmocka_unit_test(a_log_that_is_in_the_file_may_lose_its_header),
        cmocka_unit_test(what_power_cuts_leave_is_not_refused),
        cmocka_unit_test(the_commands_know_it),
        cmocka_unit_test(the_commands_know_a_damaged_header),
        cmocka_unit_test(a_log_is_written_again),
        cmocka_unit_test(a_log_that_cannot_be_read_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
