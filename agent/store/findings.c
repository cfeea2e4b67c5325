#include "store/findings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/json.h"
#include "store/record.h"

enum { FINDINGS_PRINTED = 100 }; /* then they are only counted */

void findings_add(struct findings *findings, const char *fmt, ...)
{
    char text[sizeof findings->first];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0)
        text[0] = '\0';
    if (findings->count++ == 0)
        memcpy(findings->first, text, sizeof text);
    if (findings->out && findings->count <= FINDINGS_PRINTED)
        fprintf(findings->out, "fault: %s\n", text);
}

void findings_end(const struct findings *findings, const struct store_info *info, uint64_t tables)
{
    if (info)
        fprintf(findings->out,
                "epoch %s, agent %s, %" PRIu64 " starts, %" PRIu64 " tables\n"
                "%" PRIu64 " events (%" PRIu64 " to %" PRIu64 "), acknowledged to %" PRIu64
                ", %" PRIu64 " parked\n",
                info->epoch, info->agent_id, info->boot, tables, info->last_seq + 1 - info->oldest,
                info->oldest, info->last_seq, info->acked, info->parked);
    if (findings->count > FINDINGS_PRINTED)
        fprintf(findings->out, "and %u more\n", findings->count - FINDINGS_PRINTED);
    if (findings->count)
        fprintf(findings->out, "%u faults found\n", findings->count);
    else
        fprintf(findings->out, "no fault found\n");
}

static bool event_agrees(const struct json_members *record, const char *table_id, uint64_t rev,
                         int kind)
{
    uint64_t n = rev;
    bool known = kind == EVENT_CHANGE
                     ? record_u64(record, "rev", &n) && record_get(record, "changes") != NULL
                     : record_get(record, "data") != NULL;
    return known && n == rev && record_is(record, "table_id", table_id);
}

void findings_event(struct findings *findings, uint64_t seq, const char *table_id, uint64_t rev,
                    int kind, const char *json, size_t len)
{
    struct json_members record;
    if (!json_members(json, len, &record))
        findings_add(findings, "events: what %" PRIu64 " holds is not JSON", seq);
    else if (!event_agrees(&record, table_id, rev, kind))
        findings_add(findings, "events: what %" PRIu64 " holds is not about %s at rev %" PRIu64,
                     seq, table_id, rev);
}

void findings_document(struct findings *findings, const char *table_id, uint64_t rev,
                       const char *json, size_t len)
{
    struct json_members record;
    uint64_t n;
    if (!json_members(json, len, &record))
        findings_add(findings, "tables: what %s holds is not JSON", table_id);
    else if (!record_u64(&record, "UPTIME", &n) || n != rev ||
             !record_is(&record, "TABLE_ID", table_id))
        findings_add(findings, "tables: what %s holds is not about %s at rev %" PRIu64, table_id,
                     table_id, rev);
}
