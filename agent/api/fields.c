#include "api/fields.h"

#include <string.h>
#include <strings.h>

static const char blanks[] = " \t";

/* text[0..len) without the blanks around. */
static const char *trim(const char *text, size_t *len)
{
    while (*len > 0 && strchr(blanks, text[*len - 1]))
        --*len;
    while (*len > 0 && strchr(blanks, *text)) {
        text++;
        --*len;
    }
    return text;
}

bool fields_next(const char **list, struct field_part *part)
{
    size_t len = strcspn(*list, ",");

    if (!**list)
        return false;
    part->name_len = strcspn(*list, ",;");
    part->parameters = *list + part->name_len;
    part->parameters_len = len - part->name_len;
    part->name = trim(*list, &part->name_len);
    *list += len + ((*list)[len] == ',');
    return true;
}

static bool is(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

bool fields_is(const struct field_part *part, const char *name)
{
    return is(part->name, part->name_len, name);
}

const char *fields_parameter(const struct field_part *part, const char *name, size_t *len)
{
    const char *at = part->parameters, *end = at + part->parameters_len;

    while (at < end) {
        size_t room = (size_t)(end - ++at), one = 0, name_len = 0;
        while (one < room && at[one] != ';')
            one++;
        const char *text = at;
        at += one;
        text = trim(text, &one);
        while (name_len < one && text[name_len] != '=')
            name_len++;
        if (name_len == one || !is(text, name_len, name))
            continue;
        text += name_len + 1;
        *len = one - name_len - 1;
        if (*len >= 2 && text[0] == '"' && text[*len - 1] == '"') {
            text++;
            *len -= 2;
        }
        return text;
    }
    return NULL;
}

/* `1`, `0.25` */
int fields_quality(const struct field_part *part)
{
    int quality = 0;
    size_t len;
    const char *text = fields_parameter(part, "q", &len);

    if (!text || (len > 0 && text[0] == '1'))
        return 1000;
    for (size_t i = 2, unit = 100; i < len && unit > 0; i++, unit /= 10)
        if (text[i] >= '0' && text[i] <= '9')
            quality += (int)unit * (text[i] - '0');
    return quality;
}

bool fields_name_tag(const char *list, const char *tag)
{
    size_t len = strlen(tag);

    for (;;) {
        list += strspn(list, " \t,");
        if (strncmp(list, "W/", 2) == 0) /* a weak one is as good to compare with */
            list += 2;
        if (*list != '"')
            return strcmp(list, "*") == 0;
        if (strncmp(list, tag, len) == 0)
            return true;
        list = strchr(list + 1, '"');
        if (!list)
            return false;
        list++;
    }
}
