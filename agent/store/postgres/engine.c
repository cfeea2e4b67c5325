/* engine.c - the table of what this engine does: it has no log of its own to copy. */
#include "store/postgres/engine.h"

#include "store/postgres/private.h"

const struct store_engine postgres_engine = {
    .open = postgres_open,
    .close = postgres_close,
    .slow = postgres_slow,
    .bytes = postgres_bytes,
    .crowded = postgres_crowded,
    .in_doubt = postgres_in_doubt,
    .settle = postgres_settle,
    .tables = postgres_tables,
    .commit = postgres_commit,
    .park = postgres_park,
    .mark_cleared = postgres_mark_cleared,
    .forget_cleared = postgres_forget_cleared,
    .put_memo = postgres_put_memo,
    .probe = postgres_probe,
    .housekeep = postgres_housekeep,
    .owned = postgres_owned,
    .successor = postgres_successor,
    .waiting = postgres_waiting,
    .hand_over = postgres_hand_over,
    .reader_open = postgres_reader_open,
    .reader_close = postgres_reader_close,
    .read_events = postgres_read_events,
    .walk_step = postgres_walk_step,
    .read_oldest = postgres_read_oldest,
    .read_request = postgres_read_request,
    .read_cleared = postgres_read_cleared,
    .read_agents = postgres_read_agents,
    .read_their_tables = postgres_read_their_tables,
    .check = postgres_check,
    .export_lines = postgres_export,
    .import_lines = postgres_import,
    .restored = postgres_restored,
};
