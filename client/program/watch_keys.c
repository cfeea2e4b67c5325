#include "watch_keys.h"

#include <string.h>

static const struct {
    const char *typed;
    enum watch_key key;
} rows[] = {
    {"q", KEY_QUIT},    {"Q", KEY_QUIT},          {"k", KEY_UP},         {"\x1b[A", KEY_UP},
    {"\x1bOA", KEY_UP}, {"j", KEY_DOWN},          {"\x1b[B", KEY_DOWN},  {"\x1bOB", KEY_DOWN},
    {"b", KEY_PAGE_UP}, {"\x1b[5~", KEY_PAGE_UP}, {" ", KEY_PAGE_DOWN},  {"\x1b[6~", KEY_PAGE_DOWN},
    {"g", KEY_FIRST},   {"\x1b[H", KEY_FIRST},    {"\x1bOH", KEY_FIRST}, {"\x1b[1~", KEY_FIRST},
    {"G", KEY_LAST},    {"\x1b[F", KEY_LAST},     {"\x1bOF", KEY_LAST},  {"\x1b[4~", KEY_LAST},
};

enum watch_key watch_key_of(const char *typed, size_t typed_len, size_t *len)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        *len = strlen(rows[i].typed);
        if (*len <= typed_len && memcmp(typed, rows[i].typed, *len) == 0)
            return rows[i].key;
    }
    *len = 1;
    return KEY_NONE;
}

size_t watch_scroll(enum watch_key key, size_t top, size_t count, size_t room)
{
    size_t last = count > room ? count - room : 0;
    size_t page = room > 1 ? room - 1 : 1;

    switch (key) {
    case KEY_UP:
        top = top > 0 ? top - 1 : 0;
        break;
    case KEY_DOWN:
        top++;
        break;
    case KEY_PAGE_UP:
        top = top > page ? top - page : 0;
        break;
    case KEY_PAGE_DOWN:
        top += page;
        break;
    case KEY_FIRST:
        top = 0;
        break;
    case KEY_LAST:
        top = last;
        break;
    case KEY_NONE:
    case KEY_QUIT:
        break;
    }
    return top < last ? top : last;
}
