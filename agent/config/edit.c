#include "config/edit.h"

#include <stdbool.h>

static const char blanks[] = " \t\r";

/* The line at `text` without its newline. */
static size_t line_len(const char *text)
{
    return strcspn(text, "\n");
}

static const char *after(const char *line)
{
    line += line_len(line);
    return line + (*line == '\n');
}

static bool is_section(const char *line)
{
    return line[strspn(line, blanks)] == '[';
}

static bool is_named(const char *line, const char *section)
{
    const size_t len = strlen(section);

    line += strspn(line, blanks);
    return strncmp(line + 1, section, len) == 0 && line[1 + len] == ']';
}

static bool is_blank(const char *line)
{
    return strspn(line, blanks) == line_len(line);
}

/* `commented` counts only what is behind a mark, else only what is not. */
static bool has_key(const char *line, const char *key, bool commented)
{
    const size_t len = strlen(key);

    line += strspn(line, blanks);
    if (commented) {
        if (*line != ';' && *line != '#')
            return false;
        line += 1 + strspn(line + 1, blanks);
    }
    if (strncmp(line, key, len) != 0)
        return false;
    line += len;
    return line[strspn(line, blanks)] == '=';
}

/* In [from, to): NULL: none. */
static const char *find_key(const char *from, const char *to, const char *key, bool commented)
{
    for (; from < to; from = after(from))
        if (has_key(from, key, commented))
            return from;
    return NULL;
}

static void put(struct buf *out, const char *key, const char *value)
{
    if (out->len > 0 && out->data[out->len - 1] != '\n')
        buf_str(out, "\n");
    buf_printf(out, "%s = %s\n", key, value);
}

void config_edit(struct buf *out, const char *text, const char *section, const char *key,
                 const char *value)
{
    const char *begin = text, *end, *at, *last;

    while (*begin && !(is_section(begin) && is_named(begin, section)))
        begin = after(begin);
    if (!*begin) {
        buf_str(out, text);
        if (out->len > 0 && out->data[out->len - 1] != '\n')
            buf_str(out, "\n");
        buf_printf(out, "\n[%s]\n", section);
        put(out, key, value);
        return;
    }
    last = after(begin); /* behind the section's last line with something in it */
    for (end = last; *end && !is_section(end); end = after(end))
        if (!is_blank(end))
            last = after(end);
    at = find_key(begin, end, key, false);
    if (!at)
        at = find_key(begin, end, key, true);
    buf_add(out, text, (size_t)((at ? at : last) - text));
    put(out, key, value);
    buf_str(out, at ? after(at) : last);
}
