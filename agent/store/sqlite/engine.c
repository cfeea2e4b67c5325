/* engine.c - the table of what this engine does. */
#include "store/sqlite/engine.h"

#include "store/sqlite/private.h"

const struct store_engine sqlite_engine = {
    .open = sqlite_open,
    .close = sqlite_close,
    .slow = sqlite_slow,
    .bytes = sqlite_bytes,
    .crowded = sqlite_crowded,
    .tables = sqlite_tables,
    .commit = sqlite_commit,
    .park = sqlite_park,
    .mark_cleared = sqlite_mark_cleared,
    .forget_cleared = sqlite_forget_cleared,
    .put_memo = sqlite_put_memo,
    .probe = sqlite_probe,
    .housekeep = sqlite_housekeep,
    .copier_open = sqlite_copier_open,
    .copier_close = sqlite_copier_close,
    .copy_due = sqlite_copy_due,
    .copy = sqlite_copy,
    .reader_open = sqlite_reader_open,
    .reader_close = sqlite_reader_close,
    .read_events = sqlite_read_events,
    .walk_step = sqlite_walk_step,
    .read_oldest = sqlite_read_oldest,
    .read_request = sqlite_read_request,
    .read_cleared = sqlite_read_cleared,
    .check = sqlite_check,
    .export_lines = sqlite_export,
    .import_lines = sqlite_import,
    .restored = sqlite_restored,
};
