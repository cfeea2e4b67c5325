/*
 * options.h - the one table of options: what the configuration file, the environment, the command
 * line, --help and the README know of an option, they know from here.
 *
 * Constant data; any thread.
 */
#ifndef AGENT_CONFIG_OPTIONS_H
#define AGENT_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "studio/agent.h"

enum option_type {
    OPTION_STRING, /* char * in the configuration; an empty value makes it NULL, unless checked */
    OPTION_BOOL,   /* bool */
    OPTION_INT,    /* int64_t between min and max */
    OPTION_ENUM    /* int64_t, one of the choices */
};

struct option_choice {
    const char *name; /* NULL ends the list */
    int64_t value;
};

/* NULL if `value` is right, else a sentence that says what would be: "expected ...". */
typedef const char *option_check_fn(const char *value);

struct option {
    const char *section;
    const char *key;
    const char *flag;    /* of the command line, without the two dashes; NULL if it has none */
    const char *arg;     /* what stands for the value in help: "HOST:PORT"; NULL: from the type */
    const char *initial; /* the default as text; NULL: a string that is not set */
    const char *absent;  /* what an unset string means, for help; NULL if nothing is to be said */
    int64_t min, max;    /* OPTION_INT */
    const struct option_choice *choices; /* OPTION_ENUM */
    option_check_fn *check;              /* OPTION_STRING; NULL: any text */
    size_t offset;                       /* in struct studio_agent_config */
    const char *help;                    /* one line */
    enum option_type type;
    bool secret; /* a string never shown, never on the command line, in memory of secret.h */
};

/* Grouped by section, in the order of help. */
extern const struct option options[];
extern const size_t option_count;

/* The option of a section and key, or of a flag without its dashes; NULL if there is none. */
const struct option *option_find(const char *section, const char *key);
const struct option *option_by_flag(const char *flag);
/* The option that names a file with the value of this one, of the same section; NULL if there is none. */
const struct option *option_file_for(const struct option *option);

/* The index of an option in the table. */
size_t option_index(const struct option *option);

bool option_section_known(const char *section);

/* The section, or the key of this section, that was probably meant; NULL if none is near. */
const char *option_nearest_section(const char *section);
const char *option_nearest_key(const char *section, const char *key);

enum { OPTION_ENV_MAX = 64 };
/* The name of its environment variable: STUDIO_WEBSOCKET_LISTEN. */
void option_env_name(const struct option *option, char out[OPTION_ENV_MAX]);

/* What is allowed, for help and messages: "1-3600", "text|json", "yes|no"; `out` holds cap bytes.
 */
void option_values(const struct option *option, char *out, size_t cap);

#endif
