#include "support/fields.h"

#include <string.h>

#include "base/buf.h"
#include "studio/status.h"
#include "support/deadline.h"

enum { TEXTS = 8, TEXT_MAX = 4096, OTHER_MAX = 256 };

size_t field(const char *key)
{
    const struct studio_field *found = studio_field_find(key, strlen(key));

    if (found == NULL)
        test_fail("no field %s", key);
    return studio_field_index(found);
}

/* values[i] is what the i-th field shows; those of `other` point into `space`. */
static void find_values(const char *other, char space[OTHER_MAX + 1], const char **values)
{
    char *save, *pair;

    for (size_t i = 0; i < studio_field_count; i++)
        values[i] = studio_fields[i].first;
    if (strlen(other) > OTHER_MAX)
        test_fail("too long: %s", other);
    memcpy(space, other, strlen(other) + 1);
    for (pair = strtok_r(space, " ", &save); pair != NULL; pair = strtok_r(NULL, " ", &save)) {
        char *value = strchr(pair, '=');
        if (value == NULL)
            test_fail("no '=' in %s", pair);
        *value = '\0';
        values[field(pair)] = value + 1;
    }
}

const char *fields(enum fields_form form, const char *other)
{
    static const struct {
        const char *between, *name, *before, *after;
        bool quoted, empty;
    } forms[] = {[FIELDS_JSON] = {",", "\"", ":", "", true, false},
                 [FIELDS_CHANGES] = {",", "\"", ":[null,", "]", true, false},
                 [FIELDS_PLAIN] = {" ", "", "=", "", false, false},
                 [FIELDS_EMPTY] = {" ", "", "=", "", false, true}};
    static _Thread_local char texts[TEXTS][TEXT_MAX];
    static _Thread_local size_t next;
    const char *values[STUDIO_FIELDS_MAX];
    char space[OTHER_MAX + 1];
    struct buf out;

    find_values(other, space, values);
    buf_init_fixed(&out, texts[next], TEXT_MAX);
    for (size_t i = 0; i < studio_field_count; i++) {
        const char *quote =
            forms[form].quoted && studio_fields[i].kind != STUDIO_KIND_FLAG ? "\"" : "";
        buf_printf(&out, "%s%s%s%s%s%s%s%s%s", i > 0 ? forms[form].between : "", forms[form].name,
                   studio_fields[i].name, forms[form].name, forms[form].before, quote,
                   forms[form].empty ? "" : values[i], quote, forms[form].after);
    }
    if (!buf_ok(&out))
        test_fail("too many fields");
    const char *text = texts[next];
    next = (next + 1) % TEXTS;
    return text;
}
