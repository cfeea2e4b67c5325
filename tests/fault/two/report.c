/* report.c - what the trials have shown, as a table. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fault/two/trials.h"

static int by_size(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}

/* Least, median, most, in seconds. */
static void print_times(FILE *out, const char *name, const struct trial_times *times)
{
    struct trial_times t = *times;
    if (t.count == 0)
        return;
    qsort(t.ms, t.count, sizeof *t.ms, by_size);
    fprintf(out, " %s %.2f/%.2f/%.2f;", name, t.ms[0] / 1000.0, t.ms[t.count / 2] / 1000.0,
            t.ms[t.count - 1] / 1000.0);
}

static void print_kind(FILE *out, const struct trial_kind *kind)
{
    if (kind->rounds == 0)
        return;
    fprintf(out, "two: %14s: %2u rounds, %2u taken over;", kind->name, kind->rounds, kind->moved);
    print_times(out, "take-over", &kind->takeover);
    print_times(out, "online", &kind->online);
    print_times(out, "outage", &kind->outage);
    print_times(out, "refused", &kind->refused);
    print_times(out, "unready", &kind->unready);
    fputc('\n', out);
}

/* All of them together. */
static void sum(const struct trials_figures *f, bool planned, struct trial_times *all)
{
    *all = (struct trial_times){.count = 0};
    for (size_t i = 0; i < f->kind_count; i++) {
        const struct trial_times *one = &f->kinds[i].takeover;
        for (unsigned k = 0; f->kinds[i].planned == planned && k < one->count; k++)
            if (all->count < TRIALS_TIMES_MAX)
                all->ms[all->count++] = one->ms[k];
    }
}

void trials_print(const struct trials_figures *f, uint64_t seed, FILE *out)
{
    struct trial_times all;
    fprintf(out,
            "two: seed %" PRIu64 ", %u s, %u rounds; %" PRIu64 " acknowledged, %" PRIu64
            " refused, %" PRIu64 " cut off; %" PRIu64 " commands; %" PRIu64 " events of %" PRIu64
            " boots, %zu repeats, %zu fetched by replay; %zu lost, %zu refused and stored; "
            "%zu complaints\n",
            seed, f->seconds, f->rounds, f->acked, f->refused, f->unknown, f->commands, f->events,
            f->boots, f->repeats, f->holes, f->lost, f->conjured, f->complaints);
    fputs("two: times in seconds: least/median/most\n", out);
    for (size_t i = 0; i < f->kind_count; i++)
        print_kind(out, &f->kinds[i]);
    sum(f, false, &all);
    fputs("two: all unplanned:", out);
    print_times(out, "take-over", &all);
    sum(f, true, &all);
    fputs(" all planned:", out);
    print_times(out, "take-over", &all);
    fputc('\n', out);
    fflush(out);
}
