/* times.h - wall-clock times as text and back; always UTC. Pure; any thread. */
#ifndef AGENT_BASE_TIMES_H
#define AGENT_BASE_TIMES_H

#include <stdbool.h>
#include <stdint.h>

enum { TIME_MS_LEN = 24, TIME_S_LEN = 19, TIME_DAY_LEN = 10 };

/* "2026-01-02T03:04:05.678Z" of milliseconds since 1970. What needs more than four digits for the
 * year, or lies before 1970, is shown as the nearest that does not. */
void time_print_ms(int64_t wall_ms, char out[TIME_MS_LEN + 1]);
/* "2026-01-02T03:04:05" of seconds since 1970, the document's TIMESTAMP; the same bounds. */
void time_print_s(int64_t wall_s, char out[TIME_S_LEN + 1]);

/* Exactly what the functions above print. False: it is not, or no such day exists. */
bool time_parse_ms(const char *text, int64_t *wall_ms);
bool time_parse_s(const char *text, int64_t *wall_s);
/* Any time of RFC 3339, also before 1970, with a fraction (beyond milliseconds cut) and an offset; a blank stands for the plus that
 * it was in an address. False: it is none. */
bool time_parse_rfc3339(const char *text, int64_t *wall_ms);
/* "2026-01-02": its first second. */
bool time_parse_day(const char *text, int64_t *wall_s);

/* Whole days from now to an end, both in seconds; 0: less than one, or it is over. */
unsigned time_days_left(int64_t ends_s, int64_t now_s);

#endif
