/* json.c - paths into JSON text. */
#include "support/json.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/deadline.h"

static const cJSON *walk(const cJSON *item, const char *path)
{
    while (item && *path) {
        char name[128];
        size_t len = strcspn(path, ".");
        if (len >= sizeof name)
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        item = cJSON_IsArray(item) && isdigit((unsigned char)name[0])
                   ? cJSON_GetArrayItem(item, (int)strtol(name, NULL, 10))
                   : cJSON_GetObjectItemCaseSensitive(item, name);
        path += path[len] == '.' ? len + 1 : len;
    }
    return item;
}

char *json_at(const char *text, const char *path)
{
    cJSON *root = cJSON_Parse(text);
    const cJSON *item = walk(root, path);
    char *printed = NULL;
    if (cJSON_IsString(item))
        printed = strdup(item->valuestring);
    else if (item)
        printed = cJSON_PrintUnformatted(item);
    cJSON_Delete(root);
    return printed;
}

bool json_is(const char *text, const char *path, const char *value)
{
    char *found = json_at(text, path);
    bool same = found && strcmp(found, value) == 0;
    free(found);
    return same;
}

uint64_t json_number(const char *text, const char *path)
{
    char *found = json_at(text, path);
    char *end = NULL;
    uint64_t number = found ? strtoull(found, &end, 10) : 0;
    bool ok = found && end != found && *end == '\0';
    free(found);
    if (!ok)
        test_fail("no number at '%s' in: %s", path, text);
    return number;
}

void expect_json(const char *text, const char *path, const char *value)
{
    char *found = json_at(text, path);
    if (!found || strcmp(found, value) != 0)
        test_fail("'%s' is %s, expected %s, in: %s", path, found ? found : "missing", value, text);
    free(found);
}
