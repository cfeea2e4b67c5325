#include "studio/status.h"

#include <string.h>

#include "base/names.h"
#include "base/text.h"

const struct studio_field studio_fields[] = {
    {"MAINTENANCE", "maintenance", NULL, STUDIO_KIND_FLAG, "false",
     "the table is under maintenance"},
    {"SDP", "sdp", NULL, STUDIO_KIND_SERVICE, "standby", "studio data processor service"},
    {"IDP", "idp", NULL, STUDIO_KIND_SERVICE, "standby", "image data processor service"},
    {"BROKER", "broker", NULL, STUDIO_KIND_DEVICE, "down", "message broker of the table"},
    {"ZCam", "zcam", NULL, STUDIO_KIND_DEVICE, "down", "camera"},
    {"ROULETTE", "roulette", NULL, STUDIO_KIND_DEVICE, "down", "roulette wheel"},
    {"SHAKER", "shaker", NULL, STUDIO_KIND_DEVICE, "down", "dice shaker"},
    {"BARCODE_SCANNER", "barcode_scanner", "barcode", STUDIO_KIND_DEVICE, "down",
     "barcode scanner"},
    {"NFC_SCANNER", "nfc_scanner", "nfc", STUDIO_KIND_DEVICE, "down", "NFC scanner"},
};
const size_t studio_field_count = sizeof(studio_fields) / sizeof(studio_fields[0]);
_Static_assert(sizeof(studio_fields) / sizeof(studio_fields[0]) <= STUDIO_FIELDS_MAX,
               "no room for another field");

const struct studio_values studio_built_in_values = {
    .count = {[STUDIO_KIND_FLAG] = 2, [STUDIO_KIND_SERVICE] = 5, [STUDIO_KIND_DEVICE] = 2},
    .names = {[STUDIO_KIND_FLAG] = {"false", "true"},
              [STUDIO_KIND_SERVICE] = {"up", "down", "standby", "calibration", "exception"},
              [STUDIO_KIND_DEVICE] = {"up", "down"}},
};

enum { NEAR_EDITS = 2 };

size_t studio_field_index(const struct studio_field *field)
{
    return (size_t)(field - studio_fields);
}

bool studio_key_equal(const char *key, size_t len, const char *name)
{
    const char *end = key + len;
    for (;;) {
        while (key < end && *key == '_')
            key++;
        while (*name == '_')
            name++;
        if (key == end || *name == '\0')
            return key == end && *name == '\0';
        if (text_lower(*key++) != text_lower(*name++))
            return false;
    }
}

const struct studio_field *studio_field_find(const char *key, size_t len)
{
    for (; len > 0 && *key == '_'; key++)
        len--;
    char first = len > 0 ? text_lower(*key) : '\0'; /* most are another's by their first letter */
    for (size_t i = 0; i < studio_field_count; i++) {
        const struct studio_field *field = &studio_fields[i];
        if ((field->key[0] == first && studio_key_equal(key, len, field->key)) ||
            (field->alias != NULL && field->alias[0] == first &&
             studio_key_equal(key, len, field->alias)))
            return field;
    }
    return NULL;
}

const struct studio_field *studio_field_near(const char *name)
{
    const struct studio_field *nearest = NULL;
    size_t best = NEAR_EDITS + 1;

    for (size_t i = 0; i < studio_field_count; i++) {
        const char *const words[] = {studio_fields[i].key, studio_fields[i].alias};
        for (size_t j = 0; j < 2 && words[j] != NULL; j++) {
            size_t edits = text_edits(name, words[j]);
            if (edits < best && edits < strlen(name)) {
                best = edits;
                nearest = &studio_fields[i];
            }
        }
    }
    return nearest;
}

const char *studio_value_name(const struct studio_values *values, enum studio_kind kind,
                              size_t index)
{
    return index < values->count[kind] ? values->names[kind][index] : NULL;
}

int studio_value_find(const struct studio_values *values, enum studio_kind kind, const char *value,
                      size_t len)
{
    for (size_t i = 0; i < values->count[kind]; i++) {
        const char *name = values->names[kind][i];
        if (strlen(name) == len && memcmp(name, value, len) == 0)
            return (int)i;
    }
    return -1;
}

/* --- lists of the configuration -------------------------------------------------------------- */

static enum studio_err add_value(struct studio_values *values, enum studio_kind kind,
                                 const char *name, size_t len, struct studio_error *error)
{
    if (!name_is_value(name, len))
        return studio_error_set(error, STUDIO_ERR_USAGE,
                                ": '%.*s' is not the name of a value; use 1 to %d of A-Z a-z 0-9 _ "
                                "- and separate names by commas",
                                (int)(len > 64 ? 64 : len), name, STUDIO_VALUE_MAX);
    if (studio_value_find(values, kind, name, len) >= 0)
        return STUDIO_OK;
    if (values->count[kind] == STUDIO_VALUES_MAX)
        return studio_error_set(error, STUDIO_ERR_USAGE,
                                ": '%.*s' is one value too many; a list holds %d with the "
                                "built-in ones",
                                (int)len, name, STUDIO_VALUES_MAX);
    char *kept = values->names[kind][values->count[kind]++];
    memcpy(kept, name, len);
    kept[len] = '\0';
    return STUDIO_OK;
}

static enum studio_err add_values(struct studio_values *values, enum studio_kind kind,
                                  const char *text, struct studio_error *error)
{
    if (text == NULL || text[strspn(text, " \t")] == '\0')
        return STUDIO_OK;
    for (;;) {
        text += strspn(text, " \t");
        size_t part = strcspn(text, ",");
        size_t len = part;
        while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
            len--;
        enum studio_err err = add_value(values, kind, text, len, error);
        if (err != STUDIO_OK || text[part] == '\0')
            return err;
        text += part + 1;
    }
}

enum studio_err studio_values_add(struct studio_values *values, const char *service_values,
                                  const char *device_values, struct studio_error *error)
{
    struct studio_values more = *values;
    enum studio_err err = add_values(&more, STUDIO_KIND_SERVICE, service_values, error);
    if (err == STUDIO_OK)
        err = add_values(&more, STUDIO_KIND_DEVICE, device_values, error);
    if (err == STUDIO_OK)
        *values = more;
    return err;
}
