#include "base/times.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int64_t last_s = INT64_C(253402300799); /* 9999-12-31T23:59:59 */

static void put2(char *out, unsigned n)
{
    out[0] = (char)('0' + n / 10);
    out[1] = (char)('0' + n % 10);
}

/* Of days since 1970. In years that begin in March the leap day is the last: then a month begins
 * (153 * month + 2) / 5 days after it, and four centuries are always as long. */
static void put_day(char out[TIME_DAY_LEN], unsigned days)
{
    enum { MARCH_OF_YEAR_0 = 719468, CENTURIES_4 = 146097 };
    unsigned since = days + MARCH_OF_YEAR_0, of = since % CENTURIES_4;
    unsigned year = (of - of / 1460 + of / 36524 - of / (CENTURIES_4 - 1)) / 365;
    unsigned day = of - (365 * year + year / 4 - year / 100), month = (5 * day + 2) / 153;

    year += since / CENTURIES_4 * 400 + (month >= 10);
    put2(out, year / 100);
    put2(out + 2, year % 100);
    put2(out + 5, month < 10 ? month + 3 : month - 9);
    put2(out + 8, day - (153 * month + 2) / 5 + 1);
}

/* Not gmtime and strftime: this is printed several times for every event, and needs no lock or locale. */
void time_print_s(int64_t wall_s, char out[TIME_S_LEN + 1])
{
    enum { DAY_S = 86400 };
    int64_t seconds = wall_s < 0 ? 0 : wall_s > last_s ? last_s : wall_s;
    unsigned of_day = (unsigned)(seconds % DAY_S);

    memcpy(out, "0000-00-00T00:00:00", TIME_S_LEN + 1);
    put_day(out, (unsigned)(seconds / DAY_S));
    put2(out + 11, of_day / 3600);
    put2(out + 14, of_day / 60 % 60);
    put2(out + 17, of_day % 60);
}

void time_print_ms(int64_t wall_ms, char out[TIME_MS_LEN + 1])
{
    int64_t ms = wall_ms < 0 ? 0 : wall_ms > last_s * 1000 + 999 ? last_s * 1000 + 999 : wall_ms;
    time_print_s(ms / 1000, out);
    out[TIME_S_LEN] = '.';
    out[TIME_S_LEN + 1] = (char)('0' + ms % 1000 / 100);
    put2(out + TIME_S_LEN + 2, (unsigned)(ms % 100));
    memcpy(out + TIME_S_LEN + 4, "Z", 2);
}

/* Of any year of four digits. What strptime is lenient about does not come back the same. */
static bool parse_s(const char *text, int64_t *wall_s)
{
    enum { AGAIN_MAX = 80 };
    struct tm tm = {0};
    char again[AGAIN_MAX];
    if (strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
        return false;
    *wall_s = (int64_t)timegm(&tm);
    snprintf(again, sizeof(again), "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
             tm.tm_sec); /* timegm has set it right */
    return strcmp(text, again) == 0;
}

bool time_parse_s(const char *text, int64_t *wall_s)
{
    return parse_s(text, wall_s) && *wall_s >= 0;
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

static bool digits2(const char *text, int *out)
{
    for (int i = 0; i < 2; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    *out = (text[0] - '0') * 10 + text[1] - '0';
    return true;
}

/* "Z" or "+02:00", and nothing behind it: in minutes. */
static bool parse_offset(const char *text, int *minutes)
{
    int hours, rest;

    *minutes = 0;
    if (*text == 'Z' || *text == 'z')
        return text[1] == '\0';
    if (!*text || !strchr("+- ", *text) || !digits2(text + 1, &hours) || text[3] != ':' ||
        !digits2(text + 4, &rest) || text[6] || hours > 23 || rest > 59)
        return false;
    *minutes = (hours * 60 + rest) * (*text == '-' ? -1 : 1);
    return true;
}

bool time_parse_rfc3339(const char *text, int64_t *wall_ms)
{
    char seconds[TIME_S_LEN + 1];
    int ms = 0, unit = 100, minutes;

    if (strlen(text) <= TIME_S_LEN || (text[10] != 'T' && text[10] != 't'))
        return false;
    memcpy(seconds, text, TIME_S_LEN);
    seconds[10] = 'T';
    seconds[TIME_S_LEN] = '\0';
    if (!parse_s(seconds, wall_ms))
        return false;
    text += TIME_S_LEN;
    if (*text == '.') {
        size_t digits = strspn(++text, "0123456789");
        for (size_t i = 0; i < digits; i++, unit /= 10)
            ms += (text[i] - '0') * unit;
        if (digits == 0)
            return false;
        text += digits;
    }
    if (!parse_offset(text, &minutes))
        return false;
    *wall_ms = (*wall_ms - minutes * 60) * 1000 + ms;
    return true;
}

bool time_parse_day(const char *text, int64_t *wall_s)
{
    char midnight[TIME_S_LEN + 1] = "0000-00-00T00:00:00";
    if (strlen(text) != TIME_DAY_LEN)
        return false;
    memcpy(midnight, text, TIME_DAY_LEN);
    return time_parse_s(midnight, wall_s);
}

unsigned time_days_left(int64_t ends_s, int64_t now_s)
{
    return ends_s > now_s ? (unsigned)((ends_s - now_s) / 86400) : 0;
}
