/* exposition.h - reading a page of figures as text, in either format of Prometheus. */
#ifndef TESTS_SUPPORT_EXPOSITION_H
#define TESTS_SUPPORT_EXPOSITION_H

#include <stdbool.h>

/* Is this one of its lines? */
bool exposition_has(const char *page, const char *line);
/* The number of a sample, `name{labels}`; fails the test if there is none. */
double exposition_value(const char *page, const char *sample);
/* The sum of all samples of this name, whatever their labels. */
double exposition_sum(const char *page, const char *name);
/* Fails the test unless each sample is there once, behind the HELP and TYPE of its family, and those
 * of a family stand together. */
void exposition_check(const char *page);

#endif
