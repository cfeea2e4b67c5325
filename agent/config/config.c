/* config.c - defaults, one option from text, the environment. */
#include "config/config.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/origins.h"
#include "base/secret.h"
#include "base/text.h"
#include "config/listen.h"
#include "config/options.h"

enum { SHOWN_MAX = 120 }; /* bytes of something wrong repeated in a message */

/* How much of `text` to repeat: bytes, never half a character. */
static int shown(const char *text)
{
    return (int)text_utf8_cut(text, strnlen(text, SHOWN_MAX));
}

enum studio_err config_fail(struct studio_error *error, enum studio_err code, const char *fmt, ...)
{
    if (!error)
        return code;
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(error->text, sizeof error->text, fmt, args);
    va_end(args);
    if (len >= (int)sizeof error->text)
        error->text[text_utf8_cut(error->text, sizeof error->text - 1)] = '\0';
    error->code = code;
    return code;
}

static enum studio_err fail_memory(struct studio_error *error)
{
    return config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory");
}

static void *slot_of(struct studio_agent_config *config, const struct option *option)
{
    return (char *)config + option->offset;
}

static bool parse_bool(const char *text, bool *out)
{
    static const struct {
        const char *name;
        bool value;
    } words[] = {{"yes", true},    {"no", false}, {"true", true},
                 {"false", false}, {"on", true},  {"off", false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(words[i].name, text) == 0) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

static bool parse_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 18 || text[digits] != '\0')
        return false;
    int64_t n = strtoll(text, NULL, 10);
    if (n < min || n > max)
        return false;
    *out = n;
    return true;
}

static bool parse_choice(const char *text, const struct option_choice *choices, int64_t *out)
{
    for (const struct option_choice *c = choices; c->name; c++) {
        if (strcmp(c->name, text) == 0) {
            *out = c->value;
            return true;
        }
    }
    return false;
}

/* Everything that is not a string, into its slot. False if the text is not of that type. */
static bool set_scalar(void *slot, const struct option *option, const char *value)
{
    switch (option->type) {
    case OPTION_BOOL:
        return parse_bool(value, slot);
    case OPTION_INT:
        return parse_int(value, option->min, option->max, slot);
    case OPTION_ENUM:
        return parse_choice(value, option->choices, slot);
    case OPTION_STRING:
        break;
    }
    return false;
}

/* A string slot that still points to its default is not on the heap: `initial` in the table. */
static void string_release(char *slot, const struct option *option)
{
    if (option->secret)
        secret_free(slot);
    else if (slot != option->initial)
        free(slot);
}

void config_init(struct studio_agent_config *config)
{
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        void *slot = slot_of(config, option);
        if (option->type == OPTION_STRING) {
            memcpy(slot, &option->initial, sizeof option->initial);
            continue;
        }
        bool fits = set_scalar(slot, option, option->initial);
        assert(fits);
        (void)fits;
    }
}

void config_finish(struct studio_agent_config *config)
{
    for (size_t i = 0; i < option_count; i++) {
        if (options[i].type == OPTION_STRING) {
            char **slot = slot_of(config, &options[i]);
            string_release(*slot, &options[i]);
        }
    }
    memset(config, 0, sizeof *config);
}

enum studio_err config_copy(struct studio_agent_config *to, const struct studio_agent_config *from,
                            struct studio_error *error)
{
    *to = *from;
    for (size_t i = 0; i < option_count; i++)
        if (options[i].type == OPTION_STRING)
            memcpy(slot_of(to, &options[i]), &options[i].initial, sizeof options[i].initial);
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        const char *text;
        char *copy;
        if (option->type != OPTION_STRING)
            continue;
        memcpy(&text, (const char *)from + option->offset, sizeof text);
        if (!text || text == option->initial) {
            memcpy(slot_of(to, option), &text, sizeof text);
            continue;
        }
        copy = option->secret ? secret_dup(text, strlen(text)) : strdup(text);
        if (!copy) {
            config_finish(to);
            return fail_memory(error);
        }
        memcpy(slot_of(to, option), &copy, sizeof copy);
    }
    return STUDIO_OK;
}

struct studio_agent_config *studio_agent_config_create(void)
{
    struct studio_agent_config *config = malloc(sizeof(*config));

    if (config)
        config_init(config);
    return config;
}

void studio_agent_config_destroy(struct studio_agent_config *config)
{
    if (config)
        config_finish(config);
    free(config);
}

void studio_agent_config_log(struct studio_agent_config *config, studio_agent_log_fn *log,
                             void *ctx)
{
    config->log = log;
    config->log_ctx = ctx;
}

static enum studio_err fail_value(struct studio_error *error, const struct option *option,
                                  const char *value, const char *expected)
{
    if (option->secret)
        return config_fail(error, STUDIO_ERR_USAGE, "%s.%s: %s", option->section, option->key,
                           expected);
    return config_fail(error, STUDIO_ERR_USAGE, "%s.%s: %s, not '%.*s'", option->section,
                       option->key, expected, shown(value), value);
}

static enum studio_err set_string(char **slot, const struct option *option, const char *value,
                                  struct studio_error *error)
{
    const char *expected = option->check ? option->check(value) : NULL;
    if (expected)
        return fail_value(error, option, value, expected);
    char *copy = NULL;
    if (*value) {
        copy = option->secret ? secret_dup(value, strlen(value)) : strdup(value);
        if (!copy)
            return fail_memory(error);
    }
    string_release(*slot, option);
    *slot = copy;
    return STUDIO_OK;
}

static enum studio_err set_option(struct studio_agent_config *config, const struct option *option,
                                  const char *value, struct studio_error *error)
{
    if (!text_utf8_valid(value, strlen(value)) || text_has_control(value, strlen(value)))
        return config_fail(error, STUDIO_ERR_USAGE,
                           "%s.%s: expected UTF-8 text without control characters", option->section,
                           option->key);
    void *slot = slot_of(config, option);
    if (option->type == OPTION_STRING)
        return set_string(slot, option, value, error);
    if (set_scalar(slot, option, value))
        return STUDIO_OK;

    char values[128], expected[192];
    option_values(option, values, sizeof values);
    snprintf(expected, sizeof expected,
             option->type == OPTION_INT ? "expected a number in %s" : "expected one of %s", values);
    return fail_value(error, option, value, expected);
}

/* "unknown key X in [section]; did you mean Y?" */
static enum studio_err fail_unknown(struct studio_error *error, const char *section,
                                    const char *key)
{
    if (!option_section_known(section)) {
        const char *near = option_nearest_section(section);
        return config_fail(error, STUDIO_ERR_USAGE, "unknown section '%.*s'%s%s%s", shown(section),
                           section, near ? "; did you mean '" : "; see studio-agent --help",
                           near ? near : "", near ? "'?" : "");
    }
    const char *near = option_nearest_key(section, key);
    return config_fail(error, STUDIO_ERR_USAGE, "unknown key '%.*s' in [%s]%s%s%s", shown(key), key,
                       section, near ? "; did you mean '" : "; see studio-agent --help",
                       near ? near : "", near ? "'?" : "");
}

enum studio_err studio_agent_config_set(struct studio_agent_config *config, const char *name,
                                        const char *value, struct studio_error *error)
{
    char section[32];
    size_t len = strcspn(name, ".");
    if (name[len] != '.' || len >= sizeof section)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "'%.*s' is not the name of an option; expected section.key, like "
                           "websocket.listen",
                           shown(name), name);
    memcpy(section, name, len);
    section[len] = '\0';
    const struct option *option = option_find(section, name + len + 1);
    if (!option)
        return fail_unknown(error, section, name + len + 1);
    return set_option(config, option, value, error);
}

/* `STUDIO_MQTT_TOPIC_ROOT` -> section and key, if it starts with a section we know. */
static bool split_variable(const char *variable, size_t len, char *section, char *key, size_t cap)
{
    static const char prefix[] = "STUDIO_";
    size_t skip = sizeof prefix - 1;
    if (len <= skip || len - skip >= cap || strncmp(variable, prefix, skip) != 0)
        return false;
    for (size_t i = skip; i < len; i++) {
        section[i - skip] = (char)tolower((unsigned char)variable[i]);
    }
    section[len - skip] = '\0';
    char *split = strchr(section, '_');
    if (!split)
        return false;
    *split = '\0';
    memcpy(key, split + 1, strlen(split + 1) + 1);
    return option_section_known(section);
}

enum studio_err config_environment(struct studio_agent_config *config, const char *const *variables,
                                   config_wanted_fn *wanted, struct studio_error *error)
{
    for (; *variables; variables++) {
        char section[OPTION_ENV_MAX], key[OPTION_ENV_MAX];
        struct studio_error detail;
        size_t len = strcspn(*variables, "=");
        const char *value = *variables + len + ((*variables)[len] == '=');
        if (!*value || !split_variable(*variables, len, section, key, sizeof section))
            continue;
        const struct option *option = option_find(section, key);
        if (!option && !wanted) {
            (void)!fail_unknown(&detail, section, key);
            log_warn("config", "environment variable %.*s is left out: %s", (int)len, *variables,
                     detail.text);
        }
        if (!option || (wanted && !wanted(option)))
            continue;
        enum studio_err err = set_option(config, option, value, &detail);
        if (err != STUDIO_OK)
            return config_fail(error, err, "environment variable %.*s: %s", (int)len, *variables,
                               detail.text);
    }
    return STUDIO_OK;
}

void config_clear_environment(char **variables)
{
    for (; *variables; variables++) {
        char section[OPTION_ENV_MAX], key[OPTION_ENV_MAX];
        size_t len = strcspn(*variables, "=");
        if (!split_variable(*variables, len, section, key, sizeof section))
            continue;
        const struct option *option = option_find(section, key);
        if (option && option->secret && (*variables)[len] == '=')
            secret_clear(*variables + len + 1);
    }
}

static enum studio_err check_login(const char *which, const char *username, const char *password,
                                   const char *password_file, struct studio_error *error)
{
    if (password && password_file)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "mqtt.%spassword and mqtt.%spassword_file are both set; keep one of "
                           "them",
                           which, which);
    if ((password || password_file) && !username)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "mqtt.%spassword needs mqtt.%susername: set the login it belongs to",
                           which, which);
    return STUDIO_OK;
}

/* A browser shows its certificate to whichever page asks. */
static enum studio_err check_certificate_user(const struct studio_agent_config *config,
                                              struct studio_error *error)
{
    struct origins origins;

    if (config->certificate_user == CERTIFICATE_USER_NONE)
        return STUDIO_OK;
    if (!config->tls_client_ca)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "auth.certificate_user needs websocket.tls_client_ca: name the "
                           "authorities whose certificates count");
    if (!origins_parse(config->origins, &origins) && origins.any)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "websocket.origins = * and auth.certificate_user: every page would act "
                           "for whoever has a certificate in the browser; name the origins");
    return STUDIO_OK;
}

static enum studio_err check_tls(const struct studio_agent_config *config,
                                 struct studio_error *error)
{
    struct listen_list list;
    const char *wrong = listen_parse(config->listen, config->tls_cert != NULL, &list);

    if (wrong)
        return config_fail(error, STUDIO_ERR_USAGE, "websocket.listen: %s", wrong);
    if (!config->tls_cert && (config->tls_key || config->tls_client_ca))
        return config_fail(error, STUDIO_ERR_USAGE,
                           "websocket.%s needs websocket.tls_cert: set the certificate as well",
                           config->tls_key ? "tls_key" : "tls_client_ca");
    if (!config->tls_cert && listen_has(&list, LISTEN_TLS))
        return config_fail(error, STUDIO_ERR_USAGE,
                           "websocket.listen has a wss:// address, which needs websocket.tls_cert "
                           "and websocket.tls_key");
    if (config->tls_cert && !listen_has(&list, LISTEN_TLS))
        return config_fail(error, STUDIO_ERR_USAGE,
                           "websocket.tls_cert is set, and no address of websocket.listen is "
                           "wss://: add one, or leave out the certificate");
    return check_certificate_user(config, error);
}

enum studio_err config_check(const struct studio_agent_config *config, struct studio_error *error)
{
    enum studio_err err =
        check_login("", config->username, config->password, config->password_file, error);

    if (err == STUDIO_OK)
        err = check_login("command_", config->command_username, config->command_password,
                          config->command_password_file, error);
    if (err == STUDIO_OK)
        err = check_tls(config, error);
    if (err != STUDIO_OK)
        return err;
    if (config->proxy_protocol && !config->trusted_proxies)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "websocket.proxy_protocol needs websocket.trusted_proxies: name the "
                           "proxies that speak it");
    if (config->store_url && !config->agent_id)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "store.url needs mqtt.agent_id: it is the agent's name in the "
                           "database, whatever machine it runs on");
    if (config->standby && !config->store_url)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "store.standby needs store.url: two machines can share a database, not "
                           "a directory");
    if (config->metrics_token && config->metrics_token_file)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "metrics.token and metrics.token_file are both set; keep one of them");
    if (config->key && !config->cert)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "mqtt.key needs mqtt.cert: set the certificate it belongs to");
    return STUDIO_OK;
}

char *config_tokens_path(const struct studio_agent_config *config)
{
    char *path = NULL;
    if (config->tokens)
        return strdup(config->tokens);
    return asprintf(&path, "%s/tokens", config->data) < 0 ? NULL : path;
}
