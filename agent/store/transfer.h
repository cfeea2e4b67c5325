/*
 * transfer.h - the maintenance commands of a store in whichever engine: checked, as lines of JSON out of one and into
 * another, and the new epoch of one that was restored (section 7).
 *
 * In a directory each takes the lock, so none runs beside an agent, but those that only read a copy; in a database none
 * changes an agent that somebody owns, and what is read is of one moment. None counts as a start. `error` (never NULL) gets
 * one clear sentence. Errors of all: STORE_UNUSABLE (no store, in use, damaged, no permission), NO_MEMORY; of what goes
 * to or comes from a FILE also IO. `tell` may be NULL.
 */
#ifndef AGENT_STORE_TRANSFER_H
#define AGENT_STORE_TRANSFER_H

#include <stdio.h>

#include "store/place.h"
#include "store/store.h"
#include "store/survey.h"

/* Asks the database at `url` what an answer is worth there. STORE_UNUSABLE: it does not answer. */
STUDIO_MUST_USE enum studio_err store_survey(const char *url, struct store_survey *out,
                                             struct studio_error *error);

/*
 * Checks the whole store and changes nothing in it: in a directory the file's structure; events without a hole,
 * revisions without a jump, every event and document JSON that agrees with its row. Prints a line
 * for each fault and one at the end to `out`. STUDIO_OK: no fault.
 */
STUDIO_MUST_USE enum studio_err store_check(const struct store_place *place, FILE *out,
                                            struct studio_error *error);

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
 * The request id I and the answer S are strings that hold JSON; H is hex. It is the same text from either engine.
 */
STUDIO_MUST_USE enum studio_err store_export(const struct store_place *place, FILE *out,
                                             store_progress_fn *tell, struct studio_error *error);

/*
 * Makes a store of such lines where there is none. All of it or nothing: in a directory it is built beside, checked as
 * by store_check, synced and renamed; in a database it is one transaction, checked before its end, and the export must be
 * of the agent it goes to. It is the same store, with its epoch: where the one it came from runs on, call store_restored.
 * Errors also: USAGE, naming the line.
 */
STUDIO_MUST_USE enum studio_err store_import(const struct store_place *place, FILE *in,
                                             store_progress_fn *tell, struct studio_error *error);

/*
 * To be called after a backup was put back: gives the store a new epoch, also in `epoch`. Numbers
 * go on where the backup ended; those it had given out after the backup will mean other events,
 * which is why consumers tell (epoch, seq) apart. What the backup knows as not acknowledged is sent
 * again, under the new epoch; what it knows as acknowledged is not.
 */
STUDIO_MUST_USE enum studio_err store_restored(const struct store_place *place,
                                               char epoch[STORE_EPOCH_LEN + 1],
                                               struct studio_error *error);

#endif
