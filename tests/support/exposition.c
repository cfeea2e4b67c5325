#include "support/exposition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/deadline.h"

enum { NAME_MAX_LEN = 127 };

static size_t line_length(const char *line)
{
    return strcspn(line, "\n");
}

static const char *next_line(const char *line)
{
    line += line_length(line);
    return line + (*line == '\n');
}

bool exposition_has(const char *page, const char *line)
{
    size_t len = strlen(line);

    for (; *page; page = next_line(page))
        if (line_length(page) == len && memcmp(page, line, len) == 0)
            return true;
    return false;
}

/* How much of a line names the sample. */
static size_t sample_length(const char *line)
{
    const char *end = line + line_length(line);

    while (end > line && end[-1] != ' ')
        end--;
    return end > line ? (size_t)(end - line) - 1 : 0;
}

double exposition_value(const char *page, const char *sample)
{
    size_t len = strlen(sample);

    for (const char *line = page; *line; line = next_line(line))
        if (sample_length(line) == len && memcmp(line, sample, len) == 0)
            return strtod(line + len, NULL);
    test_fail("there is no %s in:\n%s", sample, page);
}

double exposition_sum(const char *page, const char *name)
{
    size_t len = strlen(name);
    double sum = 0;

    for (const char *line = page; *line; line = next_line(line))
        if (strncmp(line, name, len) == 0 && (line[len] == '{' || line[len] == ' '))
            sum += strtod(line + sample_length(line), NULL);
    return sum;
}

/* A sample's name without what a family puts behind its own. */
static void family_of(const char *line, char out[NAME_MAX_LEN + 1])
{
    static const char *const endings[] = {"_total", "_created", "_bucket",
                                          "_count", "_sum",     "_info"};
    size_t len = strcspn(line, "{ \n");

    if (len > NAME_MAX_LEN)
        test_fail("a long name: %.*s", (int)len, line);
    memcpy(out, line, len);
    out[len] = '\0';
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t ending = strlen(endings[i]);

        if (len > ending && strcmp(out + len - ending, endings[i]) == 0) {
            out[len - ending] = '\0';
            return;
        }
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void check_none_twice(const char *page)
{
    size_t count = 0;
    char **samples;

    for (const char *line = page; *line; line = next_line(line))
        count++;
    samples = test_alloc((count + 1) * sizeof(*samples));
    count = 0;
    for (const char *line = page; *line; line = next_line(line))
        if (*line != '#')
            samples[count++] = test_printf("%.*s", (int)sample_length(line), line);
    qsort(samples, count, sizeof(*samples), by_name);
    for (size_t i = 1; i < count; i++)
        if (strcmp(samples[i - 1], samples[i]) == 0)
            test_fail("twice: %s", samples[i]);
    for (size_t i = 0; i < count; i++)
        free(samples[i]);
    free(samples);
}

void exposition_check(const char *page)
{
    char family[NAME_MAX_LEN + 1] = "", name[NAME_MAX_LEN + 1];
    bool helped = false, typed = false;

    if (*page && page[strlen(page) - 1] != '\n')
        test_fail("the last line has no end");
    for (const char *line = page; *line; line = next_line(line)) {
        if (strncmp(line, "# EOF\n", 6) == 0)
            continue;
        family_of(*line == '#' ? line + 7 : line, name); /* `# HELP `, `# TYPE `, `# UNIT ` */
        if (strncmp(line, "# HELP ", 7) == 0) {
            strcpy(family, name);
            helped = true;
            typed = false;
        } else if (!helped || strcmp(family, name) != 0) {
            test_fail("not of the family %s: %.*s", family, (int)line_length(line), line);
        } else if (*line != '#' && !typed) {
            test_fail("its type comes later: %.*s", (int)line_length(line), line);
        } else if (*line != '#' && sample_length(line) == 0) {
            test_fail("no sample: %.*s", (int)line_length(line), line);
        }
        typed = typed || strncmp(line, "# TYPE ", 7) == 0;
    }
    check_none_twice(page);
}
