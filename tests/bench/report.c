/* report.c - medians, the table, the file. */
#include "bench/report.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/deadline.h"

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct value median(double *values, size_t count)
{
    if (count == 0)
        return (struct value){0};
    qsort(values, count, sizeof *values, by_value);
    return (struct value){true, (values[(count - 1) / 2] + values[count / 2]) / 2, values[0],
                          values[count - 1]};
}

void report_gather(struct report *r, struct column rounds[][SERVER_KINDS])
{
    double values[ROUNDS_MAX];
    size_t n = 0;
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t k = 0; k < SERVER_KINDS; k++) {
            n = 0;
            for (size_t i = 0; i < r->rounds; i++) {
                if (rounds[i][k].has[row])
                    values[n++] = rounds[i][k].value[row];
            }
            r->values[row][k] = median(values, n);
        }
        n = 0;
        for (size_t i = 0; i < r->rounds; i++) {
            double other = rounds[i][SERVER_OTHER].value[row];
            if (rounds[i][SERVER_OTHER].has[row] && other > 0)
                values[n++] = rounds[i][SERVER_AGENT].value[row] / other;
        }
        r->against[row] = median(values, n);
    }
}

static void print_value(double value)
{
    if (value >= 10000)
        printf(" %.1fk", value / 1000);
    else
        printf(value >= 100 ? " %.0f" : value >= 10 ? " %.1f" : " %.2f", value);
}

/* `met` or `not met`, and by how much; `?` where the row it is held against was not
 * measured. */
static void print_goals(const struct report *r, enum row row)
{
    const char *between = " ";
    for (const struct goal *g = row_infos[row].goals;
         g < row_infos[row].goals + GOALS_MAX && g->against != NONE; g++) {
        double ratio;
        if ((g->against == PEER && !r->there[g->what]) || !r->there[g->whose])
            continue;
        char *text = goal_text(g, r->sizes);
        bool there = goal_ratio(g, row, r->values, &ratio);
        if (there)
            printf("%s%s (%.3g of %s)", between, goal_met(g, ratio) ? "met" : "**not met**", ratio,
                   text);
        else
            printf("%s? (%s)", between, text);
        between = "; ";
        free(text);
    }
    printf(" |");
}

void report_print(const struct report *r)
{
    printf("| |");
    for (size_t k = 0; k < SERVER_KINDS; k++) {
        if (r->there[k])
            printf(" %s |", server_names[k].title);
    }
    printf("%s goal |\n|---|", r->there[SERVER_OTHER] ? " ratio of the builds |" : "");
    for (size_t k = 0; k < SERVER_KINDS; k++)
        printf("%s", r->there[k] ? "---|" : "");
    printf("%s---|\n", r->there[SERVER_OTHER] ? "---|" : "");
    for (size_t row = 0; row < ROWS; row++) {
        if (!r->shown[row])
            continue;
        char *name = row_name((enum row)row, r->sizes);
        printf("| %s |", name);
        free(name);
        for (size_t k = 0; k < SERVER_KINDS; k++) {
            if (!r->there[k])
                continue;
            if (r->values[row][k].there)
                print_value(r->values[row][k].median);
            else
                printf(" -");
            printf(" |");
        }
        const struct value *a = &r->against[row];
        if (r->there[SERVER_OTHER] && a->there)
            printf(" %.2f (%.2f to %.2f) |", a->median, a->least, a->most);
        else if (r->there[SERVER_OTHER])
            printf(" - |");
        print_goals(r, (enum row)row);
        printf("\n");
    }
}

/* cJSON keeps a failed allocation to itself: the print at the end fails then. */
static cJSON *json_value(const struct value *v)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "median", v->median);
    cJSON_AddNumberToObject(json, "least", v->least);
    cJSON_AddNumberToObject(json, "most", v->most);
    return json;
}

static cJSON *json_goals(const struct report *r, enum row row)
{
    cJSON *goals = cJSON_CreateArray();
    for (const struct goal *g = row_infos[row].goals;
         g < row_infos[row].goals + GOALS_MAX && g->against != NONE; g++) {
        double ratio;
        char *text = goal_text(g, r->sizes);
        cJSON *goal = cJSON_CreateObject();
        cJSON_AddStringToObject(goal, "text", text);
        cJSON_AddStringToObject(goal, "direction", g->at_least ? "at least" : "at most");
        cJSON_AddNumberToObject(goal, "limit", g->ratio);
        if (goal_ratio(g, row, r->values, &ratio)) {
            cJSON_AddNumberToObject(goal, "reached", ratio);
            cJSON_AddBoolToObject(goal, "met", goal_met(g, ratio));
        }
        cJSON_AddItemToArray(goals, goal);
        free(text);
    }
    return goals;
}

static cJSON *json_row(const struct report *r, enum row row)
{
    cJSON *json = cJSON_CreateObject(), *values = cJSON_AddObjectToObject(json, "values");
    char *name = row_name(row, r->sizes);
    cJSON_AddStringToObject(json, "name", name);
    free(name);
    for (size_t k = 0; k < SERVER_KINDS; k++) {
        if (r->values[row][k].there)
            cJSON_AddItemToObject(values, server_names[k].key, json_value(&r->values[row][k]));
    }
    if (r->against[row].there)
        cJSON_AddItemToObject(json, "against", json_value(&r->against[row]));
    cJSON_AddItemToObject(json, "goals", json_goals(r, row));
    return json;
}

bool report_json(const struct report *r, const char *path)
{
    cJSON *json = cJSON_CreateObject(), *rows = cJSON_CreateArray();
    cJSON_AddNumberToObject(json, "processors", (double)sysconf(_SC_NPROCESSORS_ONLN));
    cJSON_AddNumberToObject(json, "load_before", r->load_before);
    cJSON_AddNumberToObject(json, "load_after", r->load_after);
    cJSON_AddNumberToObject(json, "rounds", (double)r->rounds);
    cJSON_AddNumberToObject(json, "seconds", r->sizes->seconds);
    for (size_t row = 0; row < ROWS; row++) {
        if (r->shown[row])
            cJSON_AddItemToArray(rows, json_row(r, (enum row)row));
    }
    cJSON_AddItemToObject(json, "rows", rows);
    char *text = cJSON_Print(json);
    FILE *file = fopen(path, "we");
    bool written = text && file && fputs(text, file) >= 0 && fputc('\n', file) != EOF;
    written = file && fclose(file) == 0 && written;
    if (!written)
        fprintf(stderr, "bench: %s cannot be written: %s\n", path, strerror(errno));
    cJSON_free(text);
    cJSON_Delete(json);
    return written;
}
