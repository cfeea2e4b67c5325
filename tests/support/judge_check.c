/* judge_check.c - the promises, checked over all that was collected. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "studio/status.h"
#include "support/deadline.h"
#include "support/judge.h"
#include "support/judge_internal.h"

/* One table while its changes are followed in order. */
struct follow {
    bool known;    /* a change of it was seen, so `rev` is valid */
    bool complete; /* from its first change on, so `values` is all of it */
    uint64_t rev;
    const char *newest; /* payload of its newest change */
    cJSON *values;
};

struct verdict {
    FILE *out;
    size_t found[JUDGE_KINDS];
};

static void broken(struct verdict *v, enum judge_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void broken(struct verdict *v, enum judge_kind kind, const char *fmt, ...)
{
    va_list args;
    v->found[kind]++;
    if (!v->out)
        return;
    va_start(args, fmt);
    fputs("judge: ", v->out);
    vfprintf(v->out, fmt, args);
    fputc('\n', v->out);
    va_end(args);
}

static int by_number(const void *a, const void *b)
{
    const struct judge_event *x = a, *y = b;
    if (x->epoch != y->epoch)
        return x->epoch < y->epoch ? -1 : 1;
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    return x->arrival < y->arrival ? -1 : x->arrival > y->arrival;
}

static void sort(struct judge *j)
{
    if (!j->sorted && j->event_count > 0)
        qsort(j->events, j->event_count, sizeof *j->events, by_number);
    j->sorted = true;
}

static bool same_number(const struct judge_event *a, const struct judge_event *b)
{
    return a->epoch == b->epoch && a->seq == b->seq;
}

size_t judge_events(const struct judge *judge)
{
    struct judge *j = (struct judge *)(uintptr_t)judge; /* sorting is no change to see */
    size_t n = 0;
    sort(j);
    for (size_t i = 0; i < j->event_count; i++)
        n += i == 0 || !same_number(&j->events[i - 1], &j->events[i]);
    return n;
}

size_t judge_repeats(const struct judge *j)
{
    return j->event_count - judge_events(j);
}

bool judge_hole(struct judge *j, uint64_t *from, uint64_t *to)
{
    sort(j);
    uint64_t next = j->start;
    for (size_t i = 0; i < j->event_count; i++) {
        const struct judge_event *e = &j->events[i];
        if (e->epoch + 1 != j->epoch_count)
            continue;
        if (next > 0 && e->seq > next) {
            *from = next;
            *to = e->seq - 1;
            return true;
        }
        if (e->seq >= next)
            next = e->seq + 1;
    }
    return false;
}

/* Holes, repeats that differ, and first deliveries out of order. */
static void check_numbers(const struct judge *j, struct verdict *v)
{
    uint64_t last_arrival = 0;
    const struct judge_event *last_live = NULL, *first = NULL;
    for (size_t i = 0; i < j->event_count; i++) {
        const struct judge_event *e = &j->events[i];
        const char *epoch = j->epochs[e->epoch].name;
        if (first && same_number(first, e)) {
            if (strcmp(first->payload, e->payload) != 0)
                broken(v, JUDGE_BYTES, "event %llu was repeated with other bytes: %s / %s",
                       (unsigned long long)e->seq, first->payload, e->payload);
            continue;
        }
        bool leads = !first || first->epoch != e->epoch;
        if (leads && j->start > 0 && e->epoch + 1 == j->epoch_count && e->seq > j->start)
            broken(v, JUDGE_MISSING, "events %llu to %llu of epoch %s are missing",
                   (unsigned long long)j->start, (unsigned long long)e->seq - 1, epoch);
        if (!leads && e->seq != first->seq + 1)
            broken(v, JUDGE_MISSING, "events %llu to %llu of epoch %s are missing",
                   (unsigned long long)first->seq + 1, (unsigned long long)e->seq - 1, epoch);
        first = e;
        if (e->replayed)
            continue;
        if (last_live && last_live->epoch == e->epoch && e->arrival < last_arrival)
            broken(v, JUDGE_ORDER, "event %llu came after event %llu of epoch %s",
                   (unsigned long long)last_live->seq, (unsigned long long)e->seq, epoch);
        last_live = e;
        last_arrival = e->arrival;
    }
}

/* True if both print the same; a missing one is null. */
static bool same_value(const cJSON *a, const cJSON *b)
{
    if (!a || cJSON_IsNull(a))
        return !b || cJSON_IsNull(b);
    return b && cJSON_Compare(a, b, true);
}

/* Applies one change to what is known of its table. */
static void follow_change(const struct judge *j, const struct judge_event *e, struct follow *f,
                          struct verdict *v)
{
    const char *id = j->tables[e->table].id;
    cJSON *json = cJSON_Parse(e->payload);
    const cJSON *changes = cJSON_GetObjectItemCaseSensitive(json, "changes");
    const cJSON *change;
    if (f->known && e->rev != f->rev + 1)
        broken(v, JUDGE_CHANGES, "%s went from rev %llu to rev %llu (event %llu)", id,
               (unsigned long long)f->rev, (unsigned long long)e->rev, (unsigned long long)e->seq);
    if (!f->known)
        f->complete = e->rev == 0;
    cJSON_ArrayForEach(change, changes)
    {
        const cJSON *before = cJSON_GetArrayItem(change, 0);
        const cJSON *after = cJSON_GetArrayItem(change, 1);
        const cJSON *now = cJSON_GetObjectItemCaseSensitive(f->values, change->string);
        if (cJSON_GetArraySize(change) != 2)
            broken(v, JUDGE_CHANGES, "event %llu: the change of %s is not [old,new]",
                   (unsigned long long)e->seq, change->string);
        else if ((f->complete || now) && !same_value(before, now))
            broken(v, JUDGE_CHANGES,
                   "event %llu: the old value of %s of %s is not what the events before left",
                   (unsigned long long)e->seq, change->string, id);
        cJSON_DeleteItemFromObjectCaseSensitive(f->values, change->string);
        if (after && !cJSON_IsNull(after))
            cJSON_AddItemToObject(f->values, change->string, cJSON_Duplicate(after, true));
    }
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "removed"))) {
        cJSON_Delete(f->values);
        f->values = cJSON_CreateObject();
    }
    f->known = true;
    f->rev = e->rev;
    f->newest = e->payload;
    cJSON_Delete(json);
}

static bool is_built_in(const char *name)
{
    for (size_t i = 0; i < studio_field_count; i++) {
        if (strcmp(studio_fields[i].name, name) == 0)
            return true;
    }
    return false;
}

/* The payload a fields topic has for a value. Free(). */
static char *field_text(const char *name, const cJSON *value)
{
    if (is_built_in(name) && cJSON_IsString(value))
        return test_printf("%s", value->valuestring);
    return cJSON_PrintUnformatted(value);
}

/* The last document against the changes, and the last fields against the document. */
static void check_document(const struct judge_table *t, const struct follow *f, struct verdict *v)
{
    cJSON *document = cJSON_Parse(t->status);
    cJSON *newest = f->newest ? cJSON_Parse(f->newest) : NULL;
    const char *ts = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(newest, "ts"));
    const char *stamp =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, "TIMESTAMP"));
    const cJSON *item;
    if (f->known && t->uptime != f->rev)
        broken(v, JUDGE_DOCUMENTS,
               "the last status of %s has UPTIME %llu, its newest change has rev %llu", t->id,
               (unsigned long long)t->uptime, (unsigned long long)f->rev);
    else if (f->known && (!ts || !stamp || strncmp(ts, stamp, strlen(stamp)) != 0))
        broken(v, JUDGE_DOCUMENTS, "the last status of %s has TIMESTAMP %s, its newest change %s",
               t->id, stamp ? stamp : "missing", ts ? ts : "missing");
    cJSON_ArrayForEach(item, document)
    {
        static const char *const of_the_agent[] = {"TABLE_ID", "UPTIME", "TIMESTAMP"};
        bool skip = false;
        for (size_t i = 0; i < 3; i++)
            skip = skip || strcmp(item->string, of_the_agent[i]) == 0;
        if (skip)
            continue;
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(f->values, item->string);
        if ((f->complete || value) && !same_value(item, value))
            broken(v, JUDGE_DOCUMENTS, "%s of the last status of %s is not what its changes give",
                   item->string, t->id);
        const char *payload =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(t->fields, item->string));
        char *text = field_text(item->string, item);
        if (payload && (!text || strcmp(payload, text) != 0))
            broken(v, JUDGE_DOCUMENTS, "the last fields/%s of %s is '%s', the status says %s",
                   item->string, t->id, payload, text ? text : "nothing");
        free(text);
    }
    cJSON_ArrayForEach(item, f->values)
    {
        if (!cJSON_HasObjectItem(document, item->string))
            broken(v, JUDGE_DOCUMENTS, "the last status of %s has no %s", t->id, item->string);
    }
    cJSON_ArrayForEach(item, t->fields)
    {
        if (!cJSON_GetObjectItemCaseSensitive(document, item->string))
            broken(v, JUDGE_DOCUMENTS, "fields/%s of %s is retained, but no field of it",
                   item->string, t->id);
    }
    cJSON_Delete(newest);
    cJSON_Delete(document);
}

static void check_tables(const struct judge *j, struct verdict *v)
{
    struct follow *follows = test_alloc((j->table_count + 1) * sizeof *follows);
    size_t epoch = 0;
    for (size_t i = 0; i < j->table_count; i++)
        follows[i].values = cJSON_CreateObject();
    for (size_t i = 0; i < j->event_count; i++) {
        const struct judge_event *e = &j->events[i];
        if (i > 0 && same_number(&j->events[i - 1], e))
            continue;
        if (e->epoch != epoch) { /* another store: other tables under the same names */
            for (size_t k = 0; k < j->table_count; k++) {
                cJSON_Delete(follows[k].values);
                follows[k] = (struct follow){.values = cJSON_CreateObject()};
            }
            epoch = e->epoch;
        }
        if (e->is_change)
            follow_change(j, e, &follows[e->table], v);
    }
    for (size_t i = 0; i < j->table_count; i++) {
        if (j->tables[i].status)
            check_document(&j->tables[i], &follows[i], v);
        cJSON_Delete(follows[i].values);
    }
    free(follows);
}

size_t judge_check(struct judge *j, FILE *out)
{
    struct verdict v = {.out = out};
    sort(j);
    for (size_t i = 0; i < j->note_count; i++)
        broken(&v, JUDGE_DOCUMENTS, "%s", j->notes[i]);
    check_numbers(j, &v);
    check_tables(j, &v);
    memcpy(j->found, v.found, sizeof j->found);
    size_t count = 0;
    for (size_t i = 0; i < JUDGE_KINDS; i++)
        count += v.found[i];
    return count;
}

size_t judge_found(const struct judge *j, enum judge_kind kind)
{
    return j->found[kind];
}
