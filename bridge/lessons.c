#include "lessons.h"

#include <stdio.h>
#include <string.h>

/* Where it stands in the list; NULL: it does not. */
static char *find(char *list, const char *address)
{
    size_t len = strlen(address);

    while (list && !(strncmp(list, address, len) == 0 && (list[len] == ',' || list[len] == '\0'))) {
        list = strchr(list, ',');
        list += list != NULL;
    }
    return list;
}

/* Takes out the one that stands at `at`. */
static void take_out(char *list, char *at)
{
    char *next = at + strcspn(at, ",");

    if (*next == ',')
        memmove(at, next + 1, strlen(next));
    else if (at > list)
        at[-1] = '\0';
    else
        *list = '\0';
}

void lessons_address_answered(struct lessons *l, size_t broker, const char *address)
{
    char *list = l->last[broker], *at = *address ? find(list, address) : NULL;

    if (at)
        take_out(list, at);
}

void lessons_address_failed(struct lessons *l, size_t broker, const char *address)
{
    char *list = l->last[broker];
    size_t len;

    if (!*address)
        return;
    lessons_address_answered(l, broker, address);
    while ((len = strlen(list)) > 0 && len + 1 + strlen(address) >= LESSONS_LAST_MAX)
        take_out(list, list);
    snprintf(list + len, LESSONS_LAST_MAX - len, "%s%s", len ? "," : "", address);
}
