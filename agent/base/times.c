#include "base/times.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int64_t last_s = INT64_C(253402300799); /* 9999-12-31T23:59:59 */

static void put_digits(char *out, int n, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + n % 10);
        n /= 10;
    }
}

/* Not strftime: this is printed several times for every event, and needs no locale. */
void time_print_s(int64_t wall_s, char out[TIME_S_LEN + 1])
{
    time_t seconds = (time_t)(wall_s < 0 ? 0 : wall_s > last_s ? last_s : wall_s);
    struct tm tm;
    (void)gmtime_r(&seconds, &tm);
    memcpy(out, "0000-00-00T00:00:00", TIME_S_LEN + 1);
    put_digits(out, tm.tm_year + 1900, 4);
    put_digits(out + 5, tm.tm_mon + 1, 2);
    put_digits(out + 8, tm.tm_mday, 2);
    put_digits(out + 11, tm.tm_hour, 2);
    put_digits(out + 14, tm.tm_min, 2);
    put_digits(out + 17, tm.tm_sec, 2);
}

void time_print_ms(int64_t wall_ms, char out[TIME_MS_LEN + 1])
{
    int64_t ms = wall_ms < 0 ? 0 : wall_ms > last_s * 1000 + 999 ? last_s * 1000 + 999 : wall_ms;
    time_print_s(ms / 1000, out);
    out[TIME_S_LEN] = '.';
    put_digits(out + TIME_S_LEN + 1, (int)(ms % 1000), 3);
    memcpy(out + TIME_S_LEN + 4, "Z", 2);
}

/* What strptime is lenient about does not come back the same. */
bool time_parse_s(const char *text, int64_t *wall_s)
{
    struct tm tm = {0};
    char again[TIME_S_LEN + 1];
    if (strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
        return false;
    *wall_s = (int64_t)timegm(&tm);
    time_print_s(*wall_s, again);
    return strcmp(text, again) == 0;
}

bool time_parse_ms(const char *text, int64_t *wall_ms)
{
    char seconds[TIME_S_LEN + 1], again[TIME_MS_LEN + 1];
    if (strlen(text) != TIME_MS_LEN)
        return false;
    memcpy(seconds, text, TIME_S_LEN);
    seconds[TIME_S_LEN] = '\0';
    if (!time_parse_s(seconds, wall_ms))
        return false;
    *wall_ms = *wall_ms * 1000 + strtol(text + TIME_S_LEN + 1, NULL, 10);
    time_print_ms(*wall_ms, again);
    return strcmp(text, again) == 0;
}

bool time_parse_day(const char *text, int64_t *wall_s)
{
    char midnight[TIME_S_LEN + 1] = "0000-00-00T00:00:00";
    if (strlen(text) != TIME_DAY_LEN)
        return false;
    memcpy(midnight, text, TIME_DAY_LEN);
    return time_parse_s(midnight, wall_s);
}
