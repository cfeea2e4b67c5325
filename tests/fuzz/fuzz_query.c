/* Form decoding of one query value, and the Authorization header. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/userid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct credentials out;
    char value[64];
    char *header = malloc(size + 1), *id = NULL, *token = NULL;

    if (!header)
        return 0;
    if (size)
        memcpy(header, data, size);
    header[size] = '\0';
    if (query_decode((const char *)data, size, value, sizeof(value)) &&
        strlen(value) >= sizeof(value))
        abort();
    if (credentials_bearer(header, &id, &token)) {
        struct credentials_in in = {.id = id, .token = token};
        if (credentials_make(&in, &out) == STUDIO_OK &&
            (!out.user_id[0] || !studio_table_id_valid(out.table_id, strlen(out.table_id))))
            abort();
    }
    free(header);
    return 0;
}
