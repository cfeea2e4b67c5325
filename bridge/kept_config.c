#include "kept_config.h"

#include <stdlib.h>
#include <string.h>

enum { STRINGS = 7 };

static void find_strings(struct bridge_config *kept, const char **strings[STRINGS])
{
    const char **all[STRINGS] = {&kept->agent_id,    &kept->topic_root, &kept->epoch,
                                 &kept->ca_file,     &kept->cert_file,  &kept->key_file,
                                 &kept->link_program};

    memcpy(strings, all, sizeof(all));
}

bool kept_config(struct bridge_config *kept, const struct bridge_config *config)
{
    const char **strings[STRINGS];
    bool ok = true;

    *kept = *config;
    kept->brokers = kept->username = kept->password = NULL;
    kept->password_file = kept->info = NULL;
    kept->command_username = kept->command_password = NULL;
    kept->command_password_file = NULL;
    find_strings(kept, strings);
    for (size_t i = 0; i < STRINGS; i++) {
        const char *text = *strings[i];

        *strings[i] = ok && text ? strdup(text) : NULL;
        ok = ok && (!text || *strings[i]);
    }
    return ok;
}

void kept_config_drop(struct bridge_config *kept)
{
    const char **strings[STRINGS];

    find_strings(kept, strings);
    for (size_t i = 0; i < STRINGS; i++) {
        free((char *)(uintptr_t)*strings[i]);
        *strings[i] = NULL;
    }
}
