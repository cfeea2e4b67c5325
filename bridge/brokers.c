#include "brokers.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"

/* What users write, and what the MQTT library calls it. */
static const struct {
    const char *scheme, *library;
} schemes[] = {
    {"mqtt://", "tcp://"},
    {"tcp://", "tcp://"},
    {"mqtts://", "ssl://"},
    {"ssl://", "ssl://"},
};

enum { LINES_MAX = BROKERS_MAX, LINE_MAX_BYTES = 1024 };

/* Up to BROKERS_MAX parts of a list. */
struct parts {
    char *list[BROKERS_MAX];
    size_t count;
};

static void parts_finish(struct parts *p)
{
    for (size_t i = 0; i < p->count; i++) {
        secret_clear(p->list[i]); /* passwords go this way, too */
        free(p->list[i]);
    }
    p->count = 0;
}

/* Appends text[0..len) as it is. */
static enum studio_err parts_add(struct parts *p, const char *text, size_t len)
{
    if (p->count == BROKERS_MAX)
        return STUDIO_ERR_USAGE;
    p->list[p->count] = strndup(text, len);
    if (!p->list[p->count])
        return STUDIO_ERR_NO_MEMORY;
    p->count++;
    return STUDIO_OK;
}

/* At commas, without the blanks around. */
static enum studio_err split(const char *text, struct parts *out)
{
    for (;;) {
        size_t len = strcspn(text, ","), from = 0, to = len;
        enum studio_err err;

        while (from < to && isspace((unsigned char)text[from]))
            from++;
        while (to > from && isspace((unsigned char)text[to - 1]))
            to--;
        err = parts_add(out, text + from, to - from);

        if (err != STUDIO_OK || text[len] == '\0')
            return err;
        text += len + 1;
    }
}

static enum studio_err read_lines(const char *file, struct parts *out, struct studio_error *error)
{
    char line[LINE_MAX_BYTES], space[LINE_MAX_BYTES];
    FILE *f = fopen(file, "re");
    enum studio_err err = STUDIO_OK;

    if (!f)
        return studio_error_set(error, STUDIO_ERR_USAGE, ": cannot read the password file %s: %s",
                                file, strerror(errno));
    setvbuf(f, space, _IOFBF, sizeof(space)); /* to be cleared */
    while (err == STUDIO_OK && fgets(line, sizeof(line), f)) {
        size_t len = strcspn(line, "\r\n");

        if (len == sizeof(line) - 1)
            err = STUDIO_ERR_USAGE;
        else if (out->count < LINES_MAX)
            err = parts_add(out, line, len);
        else
            err = STUDIO_ERR_USAGE;
    }
    fclose(f);
    explicit_bzero(line, sizeof(line));
    explicit_bzero(space, sizeof(space));
    if (err == STUDIO_ERR_USAGE)
        return studio_error_set(error, err,
                                ": the password file %s has a line above %d bytes or "
                                "more than %d lines",
                                file, LINE_MAX_BYTES - 2, LINES_MAX);
    if (err == STUDIO_OK && out->count == 0)
        return studio_error_set(error, STUDIO_ERR_USAGE, ": the password file %s is empty", file);
    return err;
}

/* HOST, HOST:PORT, [v6] or [v6]:PORT, without anything behind. */
static bool address_valid(const char *address)
{
    const char *end = address[0] == '[' ? strchr(address, ']') : NULL;
    const char *colon = strchr(end ? end : address, ':');
    char *rest;
    long port;

    if (address[0] == '[' && (!end || end == address + 1 || (end[1] != ':' && end[1] != '\0')))
        return false;
    if (*address == '\0' || *address == ':' || strpbrk(address, "@/?# \t"))
        return false;
    if (!colon)
        return true;
    errno = 0;
    port = strtol(colon + 1, &rest, 10);
    return errno == 0 && isdigit((unsigned char)colon[1]) && *rest == '\0' && port > 0 &&
           port <= 65535;
}

static enum studio_err broker_init(struct broker *b, const char *uri, struct studio_error *error)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        const char *address = uri + strlen(schemes[i].scheme);

        if (strncmp(uri, schemes[i].scheme, strlen(schemes[i].scheme)) != 0)
            continue;
        if (strchr(address, '@'))
            return studio_error_set(error, STUDIO_ERR_USAGE,
                                    ": the broker address must not contain credentials: use "
                                    "mqtt.username and mqtt.password_file");
        if (!address_valid(address) || strlen(uri) > BROKER_URI_MAX)
            return studio_error_set(error, STUDIO_ERR_USAGE,
                                    ": broker %.200s: expected %sHOST or %sHOST:PORT", uri,
                                    schemes[i].scheme, schemes[i].scheme);
        b->name = strdup(uri);
        if (!b->name || asprintf(&b->uri, "%s%s", schemes[i].library, address) < 0) {
            b->uri = NULL;
            return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
        }
        return STUDIO_OK;
    }
    return studio_error_set(
        error, STUDIO_ERR_USAGE,
        ": broker %.200s: expected mqtt://HOST:PORT, tcp://, mqtts:// or ssl://", uri);
}

/* One part for all or one for each; an empty one is none. */
static enum studio_err give(struct brokers *b, const struct parts *parts, const char *what,
                            bool commands, bool password, struct studio_error *error)
{
    if (parts->count != 0 && parts->count != 1 && parts->count != b->count)
        return studio_error_set(error, STUDIO_ERR_USAGE,
                                ": %zu %s for %zu brokers: give one for all or one for each",
                                parts->count, what, b->count);
    for (size_t i = 0; parts->count && i < b->count; i++) {
        const char *part = parts->list[parts->count == 1 ? 0 : i];
        struct login *login = commands ? &b->list[i].commands : &b->list[i].login;
        char **to = password ? &login->password : &login->username;

        if (*part && !(*to = password ? secret_dup(part, strlen(part)) : strdup(part)))
            return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    }
    return STUDIO_OK;
}

/* A login as configured. */
struct given {
    const char *username, *password, *password_file;
    bool commands;
};

static enum studio_err give_usernames(struct brokers *b, const struct given *given,
                                      struct studio_error *error)
{
    struct parts parts = {.count = 0};
    enum studio_err err = given->username ? split(given->username, &parts) : STUDIO_OK;

    if (err == STUDIO_ERR_USAGE)
        studio_error_set(error, err, ": more than %d user names", BROKERS_MAX);
    if (err == STUDIO_OK)
        err = give(b, &parts, "user names", given->commands, false, error);
    parts_finish(&parts);
    return err;
}

static enum studio_err give_passwords(struct brokers *b, const struct given *given,
                                      struct studio_error *error)
{
    struct parts parts = {.count = 0};
    enum studio_err err = STUDIO_OK;

    if (given->password_file)
        err = read_lines(given->password_file, &parts, error);
    else if (given->password && (parts.list[0] = strdup(given->password)))
        parts.count = 1;
    else if (given->password)
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    if (err == STUDIO_OK)
        err = give(b, &parts, "passwords", given->commands, true, error);
    parts_finish(&parts);
    return err;
}

/* And remembers the file, in *kept. */
static enum studio_err give_login(struct brokers *b, const struct given *given, char **kept,
                                  struct studio_error *error)
{
    enum studio_err err = give_usernames(b, given, error);

    if (err == STUDIO_OK)
        err = give_passwords(b, given, error);
    if (err == STUDIO_OK && given->password_file && !(*kept = strdup(given->password_file)))
        err = STUDIO_ERR_NO_MEMORY;
    for (size_t i = 0; i < b->count; i++)
        (given->commands ? &b->list[i].commands : &b->list[i].login)->password_file = *kept;
    return err;
}

/* They are needed at each connection, and it would fail for them each time. */
static enum studio_err check_files(const struct bridge_config *config, struct studio_error *error)
{
    const struct {
        const char *option, *file;
        bool secret;
    } files[] = {
        {"mqtt.ca_file", config->ca_file, false},
        {"mqtt.cert", config->cert_file, !config->key_file}, /* then it is in there */
        {"mqtt.key", config->key_file, true},
        {"mqtt.password_file", config->password_file, true},
        {"mqtt.command_password_file", config->command_password_file, true},
    };

    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        enum studio_err err = STUDIO_OK;

        if (!files[i].file)
            continue;
        if (files[i].secret)
            err = secret_check(files[i].option, files[i].file, error);
        else if (access(files[i].file, R_OK) != 0)
            err = studio_error_set(error, STUDIO_ERR_USAGE, ": cannot read %s %s: %s",
                                   files[i].option, files[i].file, strerror(errno));
        if (err != STUDIO_OK)
            return err;
    }
    return STUDIO_OK;
}

enum studio_err brokers_init(struct brokers *b, const struct bridge_config *config,
                             struct studio_error *error)
{
    const struct given all = {config->username, config->password, config->password_file, false};
    const struct given commands = {config->command_username, config->command_password,
                                   config->command_password_file, true};
    struct parts uris = {.count = 0};
    enum studio_err err;

    memset(b, 0, sizeof(*b));
    err = check_files(config, error);
    if (err != STUDIO_OK)
        return err;
    err = split(config->brokers ? config->brokers : "", &uris);
    if (err == STUDIO_ERR_USAGE)
        studio_error_set(error, err, ": more than %d brokers", BROKERS_MAX);
    for (size_t i = 0; err == STUDIO_OK && i < uris.count; i++) {
        b->list[i].number = i;
        err = broker_init(&b->list[b->count++], uris.list[i], error);
    }
    if (err == STUDIO_OK)
        err = give_login(b, &all, &b->password_file, error);
    if (err == STUDIO_OK)
        err = give_login(b, &commands, &b->command_password_file, error);
    if (err == STUDIO_ERR_NO_MEMORY)
        studio_error_set(error, err, NULL);
    parts_finish(&uris);
    return err;
}

/* One line is for all. */
static enum studio_err fresh_password(const struct broker *b, const struct login *login,
                                      struct studio_error *error, char out[BROKER_PASSWORD_MAX])
{
    struct parts parts = {.count = 0};
    enum studio_err err = read_lines(login->password_file, &parts, error);
    size_t line = parts.count == 1 ? 0 : b->number;

    if (err == STUDIO_OK && line >= parts.count)
        err = studio_error_set(error, STUDIO_ERR_USAGE, ": the password file %s has no line %zu",
                               login->password_file, line + 1);
    if (err == STUDIO_OK)
        snprintf(out, BROKER_PASSWORD_MAX, "%s", parts.list[line]);
    parts_finish(&parts);
    return err;
}

const struct login *broker_login(const struct broker *b, bool commands)
{
    return commands && b->commands.username ? &b->commands : &b->login;
}

const char *broker_password(const struct broker *b, const struct login *login,
                            char out[BROKER_PASSWORD_MAX])
{
    struct studio_error error;

    if (!login->password_file)
        return login->password;
    if (fresh_password(b, login, &error, out) == STUDIO_OK)
        return *out ? out : NULL;
    log_warn("bridge", "%s: going on with the password read at the start", error.text);
    return login->password;
}

static void login_finish(struct login *login)
{
    free(login->username);
    secret_free(login->password);
}

void brokers_finish(struct brokers *b)
{
    free(b->password_file);
    free(b->command_password_file);
    b->password_file = b->command_password_file = NULL;
    for (size_t i = 0; i < b->count; i++) {
        free(b->list[i].name);
        free(b->list[i].uri);
        login_finish(&b->list[i].login);
        login_finish(&b->list[i].commands);
    }
    b->count = 0;
}
