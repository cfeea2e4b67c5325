/* fuzz_config.c - any bytes as a configuration file: mistakes with lines, or a usable
 * configuration. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"
#include "config/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    size_t count;
    unsigned line;
};

static void tell(void *ctx, unsigned line, const char *what)
{
    struct told *told = ctx;
    told->count++;
    /* In the order of the lines, and fit to be printed. */
    if (line < told->line || line == 0 || !*what || !text_utf8_valid(what, strlen(what)))
        abort();
    told->line = line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct studio_agent_config config;
    struct told told = {0};
    size_t mistakes = 0;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    config_init(&config);
    if (config_parse(&config, text, size, NULL, tell, &told, &mistakes) == STUDIO_OK &&
        mistakes != told.count)
        abort();
    if (!config.listen || !config.topic_root || !config.data)
        abort();
    config_finish(&config);
    free(text);
    return 0;
}
