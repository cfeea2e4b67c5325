/*
 * tools.h - the maintenance commands of a store: check, export, import, restored (section 7).
 *
 * Each takes the lock, so none runs beside an agent, and none counts as a start. Those that only read can do so
 * in a copy of an agent's store: `copy` is the file that backup.h made, -1 without. `error` (never
 * NULL) gets one clear sentence. Errors of all: STORE_UNUSABLE (no store, in use, damaged, no
 * permission), NO_MEMORY; of what goes to or comes from a FILE also IO.
 */
#ifndef AGENT_STORE_TOOLS_H
#define AGENT_STORE_TOOLS_H

#include <stdio.h>

#include "store/store.h"

/*
 * Checks the whole store and changes nothing in it: the file's structure, events without a hole,
 * revisions without a jump, every event and document JSON that agrees with its row. Prints a line
 * for each fault and one at the end to `out`. STUDIO_OK: no fault.
 */
STUDIO_MUST_USE enum studio_err store_check(const char *dir, int copy, FILE *out,
                                            struct studio_error *error);

/* What a store knows, and how large it is; *none: there is no store, and that is no error. */
STUDIO_MUST_USE enum studio_err store_look(const char *dir, struct store_info *info,
                                           uint64_t *bytes, bool *none, struct studio_error *error);

/*
 * Prints the store as lines of JSON:
 *
 *     {"record":"store","format":1,"epoch":E,"agent_id":A,"boot":N,"last_seq":N,"acked":N}
 *     {"seq":N,"epoch":E,"table_id":...}                     every event as it was published
 *     {"record":"parked","seq":N,"reason":R}                 which of them a broker refused
 *     {"record":"table","table_id":T,"rev":N,"document":D}   D is null for a removed table
 *     {"record":"request","table_id":T,"client":C,"request_id":I,"digest":H,"wall_ms":N,"answer":S}
 *     {"record":"cleared","table_id":T,"field":F}
 *     {"record":"end","lines":N}                             lines before this one
 *
 * The request id I and the answer S are strings that hold JSON; H is hex.
 */
STUDIO_MUST_USE enum studio_err store_export(const char *dir, int copy, FILE *out,
                                             struct studio_error *error);

/*
 * Makes a store of such lines in `dir`, which must hold none. All of it or nothing: it is built
 * beside, checked as by store_check, synced and renamed. It is the same store, with its epoch:
 * where the one it came from runs on, call store_restored. Errors also: USAGE, naming the line.
 */
STUDIO_MUST_USE enum studio_err store_import(const char *dir, FILE *in, struct studio_error *error);

/*
 * To be called after a backup was put back: gives the store a new epoch, also in `epoch`. Numbers
 * go on where the backup ended; those it had given out after the backup will mean other events,
 * which is why consumers tell (epoch, seq) apart. What the backup knows as not acknowledged is sent
 * again, under the new epoch; what it knows as acknowledged is not.
 */
STUDIO_MUST_USE enum studio_err store_restored(const char *dir, char epoch[STORE_EPOCH_LEN + 1],
                                               struct studio_error *error);

#endif
