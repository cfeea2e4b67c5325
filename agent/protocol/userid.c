#include "protocol/userid.h"

#include <string.h>
#include <strings.h>

#include "base/names.h"

/* One part of the user id, not terminated. */
struct part {
    const char *text;
    size_t len;
};

static bool is_given(const char *parameter)
{
    return parameter != NULL && parameter[0] != '\0';
}

/* `id=ARO-001-1-SDP&gameCode=ARO-001-1`: the game code is the table, the rest of the id the device.
 */
static bool split_by_game_code(const char *id, const char *game_code, struct part *table,
                               struct part *device)
{
    size_t len = strlen(game_code);
    if (strncmp(id, game_code, len) != 0 || (id[len] != '\0' && id[len] != '-'))
        return false;
    *table = (struct part){id, len};
    if (id[len] == '-')
        *device = (struct part){id + len + 1, strlen(id + len + 1)};
    return true;
}

static void split_at_underscore(const char *id, struct part *table, struct part *device)
{
    size_t len = strcspn(id, "_");
    *table = (struct part){id, len};
    if (id[len] == '_')
        *device = (struct part){id + len + 1, strlen(id + len + 1)};
}

enum studio_err credentials_make(const struct credentials_in *in, struct credentials *out)
{
    *out = (struct credentials){0};
    if (!is_given(in->id) || !is_given(in->token))
        return STUDIO_ERR_AUTH_MISSING;

    struct part table, device = {NULL, 0};
    if (!is_given(in->game_code))
        split_at_underscore(in->id, &table, &device);
    else if (!split_by_game_code(in->id, in->game_code, &table, &device))
        return STUDIO_ERR_AUTH_TABLE;
    if (device.text == NULL && is_given(in->device))
        device = (struct part){in->device, strlen(in->device)};

    if (!name_is_table(table.text, table.len))
        return STUDIO_ERR_AUTH_TABLE;
    if (device.text != NULL && !name_is_device(device.text, device.len))
        return STUDIO_ERR_AUTH_TABLE;

    memcpy(out->table_id, table.text, table.len);
    memcpy(out->user_id, table.text, table.len);
    if (device.text != NULL) {
        out->user_id[table.len] = '_';
        memcpy(out->user_id + table.len + 1, device.text, device.len);
    }
    size_t token_len = strlen(in->token);
    if (name_is_token(in->token, token_len))
        memcpy(out->token, in->token, token_len);
    return STUDIO_OK;
}

enum studio_err credentials_of_holder(const struct credentials_in *in, const char *holder,
                                      struct credentials *out)
{
    struct credentials_in said = *in;
    if (!is_given(said.id))
        said = (struct credentials_in){.id = holder, .token = in->token};
    if (!is_given(said.token))
        said.token = "no token"; /* has a blank: nobody's is */
    enum studio_err err = credentials_make(&said, out);
    out->certified = true;
    return err == STUDIO_OK && strcmp(out->user_id, holder) != 0 ? STUDIO_ERR_AUTH_CREDENTIALS
                                                                 : err;
}

const char *credentials_scheme(const char *header)
{
    static const char scheme[] = "Bearer ";
    if (strncasecmp(header, scheme, sizeof(scheme) - 1) != 0)
        return NULL;
    header += sizeof(scheme) - 1;
    return header + strspn(header, " ");
}

bool credentials_bearer(char *header, char **id, char **token)
{
    const char *start = credentials_scheme(header);
    char *colon = start != NULL ? strrchr(header + (start - header), ':') : NULL;
    if (colon == NULL)
        return false;
    *colon = '\0';
    *id = header + (start - header);
    *token = colon + 1;
    return true;
}
