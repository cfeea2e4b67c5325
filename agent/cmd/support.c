#include "cmd/support.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "auth/token_file.h"
#include "base/buf.h"
#include "cmd/copy.h"
#include "cmd/redact.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/options.h"
#include "control.h"
#include "store/transfer.h"
#include "studio/version.h"

enum {
    TAIL_BYTES = 65536,  /* of a log */
    FILE_BYTES = 16384,  /* of a file of the kernel's */
    CHECK_MAX_MB = 1024, /* of a store: a larger one is not checked */
    ANSWER_MAX = 8 << 20
};

struct support {
    FILE *out;
    const struct cli *cli;
    const struct studio_agent_config *config;
    struct redact *redact;
};

static void title(const struct support *s, const char *text)
{
    fprintf(s->out, "\n== %s\n", text);
}

/* --- the machine ------------------------------------------------------------------------------- */

static void copy_part(const struct support *s, const char *file, long from_end, size_t most)
{
    char piece[4096];
    size_t n;
    FILE *in = fopen(file, "re");

    if (!in) {
        fprintf(s->out, "%s: %s\n", file, strerror(errno));
        return;
    }
    if (from_end > 0 && fseek(in, -from_end, SEEK_END) == 0) /* else it is shorter */
        while ((n = (size_t)getc(in)) != (size_t)EOF && n != '\n')
            ;
    while (most > 0 && (n = fread(piece, 1, most < sizeof(piece) ? most : sizeof(piece), in)) > 0) {
        for (size_t i = 0; i < n; i++) /* a NUL byte would end the text */
            piece[i] = piece[i] ? piece[i] : ' ';
        fwrite(piece, 1, n, s->out);
        most -= n;
    }
    (void)fclose(in);
}

static void tell_machine(const struct support *s)
{
    static const char *const files[] = {"/etc/os-release", "/proc/loadavg", "/proc/meminfo",
                                        "/proc/pressure/io"};
    struct utsname about;

    title(s, "machine");
    if (uname(&about) == 0)
        fprintf(s->out, "%s %s %s, %ld processors\n", about.sysname, about.release, about.machine,
                sysconf(_SC_NPROCESSORS_ONLN));
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        copy_part(s, files[i], 0, FILE_BYTES);
}

/* Of the agent if one runs, its pid stands in the lock, else of this command. */
static void tell_limits(const struct support *s)
{
    char path[4096], pid[24] = "self";

    title(s, "limits");
    FILE *lock = snprintf(path, sizeof(path), "%s/lock", s->config->data) < (int)sizeof(path)
                     ? fopen(path, "re")
                     : NULL;
    if (lock && fscanf(lock, "%20[0-9]", pid) == 1)
        fprintf(s->out, "of the agent, pid %s\n", pid);
    if (lock)
        (void)fclose(lock);
    (void)snprintf(path, sizeof(path), "/proc/%s/limits", pid);
    copy_part(s, path, 0, FILE_BYTES);
}

/* --- the configuration --------------------------------------------------------------------------- */

/* What stands between `//` and `@` of an address is a login. */
static void print_string(FILE *out, const char *value)
{
    const char *at = strchr(value, '@'), *slashes = strstr(value, "//");

    if (at && slashes && slashes < at)
        fprintf(out, "%.*s***%s\n", (int)(slashes + 2 - value), value, at);
    else
        fprintf(out, "%s\n", value);
}

static void print_option(const struct support *s, const struct option *option)
{
    const char *at = (const char *)s->config + option->offset;
    const char *text = NULL;
    int64_t n = 0;

    if (option->type == OPTION_STRING)
        memcpy(&text, at, sizeof(text));
    else if (option->type != OPTION_BOOL)
        memcpy(&n, at, sizeof(n));
    fprintf(s->out, "%s.%s = ", option->section, option->key);
    switch (option->type) {
    case OPTION_STRING:
        if (option->secret)
            fprintf(s->out, "%s\n", text ? "(set, not shown)" : "");
        else
            print_string(s->out, text ? text : "");
        break;
    case OPTION_BOOL:
        fprintf(s->out, "%s\n", *(const bool *)at ? "yes" : "no");
        break;
    case OPTION_INT:
        fprintf(s->out, "%" PRId64 "\n", n);
        break;
    case OPTION_ENUM:
        for (const struct option_choice *c = option->choices; c->name; c++)
            if (c->value == n)
                fprintf(s->out, "%s\n", c->name);
        break;
    }
}

static void tell_file(const struct support *s, const char *file)
{
    struct stat about;

    if (stat(file, &about) != 0)
        fprintf(s->out, "  %s: %s\n", file, strerror(errno));
    else
        fprintf(s->out, "  %s: %lld bytes, mode %04o, user %u, group %u\n", file,
                (long long)about.st_size, (unsigned)about.st_mode & 07777, about.st_uid,
                about.st_gid);
}

static void tell_configuration(const struct support *s)
{
    title(s, "configuration");
    for (size_t i = 0; i < option_count; i++)
        print_option(s, &options[i]);
    for (size_t i = 0; i < option_count; i++) {
        const char *text = NULL;
        if (options[i].type != OPTION_STRING || !options[i].arg ||
            strcmp(options[i].arg, "FILE") != 0)
            continue;
        memcpy(&text, (const char *)s->config + options[i].offset, sizeof(text));
        if (text)
            tell_file(s, text);
    }
}

struct users {
    size_t count, roles[ROLE_OPERATOR + 1], expired;
};

static void count_user(void *ctx, const char *file, unsigned number, const struct token_line *line)
{
    struct users *users = ctx;

    (void)file;
    (void)number;
    users->count++;
    users->roles[line->role]++;
    users->expired += line->until_s <= time(NULL);
}

static void tell_users(const struct support *s)
{
    struct users users = {.count = 0};
    struct studio_error error;
    char *file = config_tokens_path(s->config);

    title(s, "users");
    if (file)
        tell_file(s, file);
    if (file && token_file_each(file, count_user, &users, &error) != STUDIO_OK)
        fprintf(s->out, "%s\n", error.text);
    fprintf(s->out, "%zu: %zu devices, %zu viewers, %zu operators; %zu expired\n", users.count,
            users.roles[ROLE_DEVICE], users.roles[ROLE_VIEWER], users.roles[ROLE_OPERATOR],
            users.expired);
    free(file);
}

/* --- the agent ------------------------------------------------------------------------------------ */

static void tell_agent(const struct support *s)
{
    static const char *const questions[] = {"about", "metrics"};

    for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
        struct studio_error error;
        struct buf answer;
        bool ok;
        title(s, questions[i]);
        buf_init(&answer, ANSWER_MAX);
        if (control_ask(s->config->data, questions[i], &ok, &answer, &error) != STUDIO_OK)
            fprintf(s->out, "%s\n", error.text);
        else
            fprintf(s->out, "%s\n", buf_ok(&answer) && answer.data ? answer.data : "");
        buf_finish(&answer);
    }
}

static void tell_store(const struct support *s)
{
    const char *dir = s->config->data;
    struct studio_error error = {.text = ""};
    struct stat about;
    char path[4096];
    struct store_place place = {.dir = dir, .copy = -1};

    title(s, "store");
    static const char *const names[] = {"studio.db", "studio.db-wal", "lock", "control"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (snprintf(path, sizeof(path), "%s/%s", dir, names[i]) < (int)sizeof(path))
            tell_file(s, path);
    if (s->config->store_url) {
        fputs("in a database (store.url), not checked here: studio-agent store check -c FILE\n",
              s->out);
        return;
    }
    (void)snprintf(path, sizeof(path), "%.4000s/studio.db", dir);
    if (stat(path, &about) == 0 && about.st_size >> 20 > CHECK_MAX_MB) {
        fprintf(s->out, "not checked here: studio-agent store check --data %s\n", dir);
        return;
    }
    copy_as_owner(dir);
    if (copy_to_read(dir, &place.copy, &error) != STUDIO_OK ||
        store_check(&place, s->out, &error) != STUDIO_OK)
        fprintf(s->out, "%s\n", error.text);
    copy_as_caller();
    if (place.copy >= 0)
        close(place.copy);
}

static void tell_log(const struct support *s)
{
    title(s, "log");
    if (s->cli->log_file)
        copy_part(s, s->cli->log_file, TAIL_BYTES, TAIL_BYTES);
    else
        fputs("not given (--log FILE); journalctl -u studio-agent has it under systemd\n", s->out);
}

/* --- all of it ------------------------------------------------------------------------------------ */

/* What is secret stands in options marked so, and in the files that others name. */
static void find_secrets(struct redact *r, const struct studio_agent_config *config)
{
    for (size_t i = 0; i < option_count; i++) {
        const char *text = NULL;
        if (options[i].type != OPTION_STRING)
            continue;
        memcpy(&text, (const char *)config + options[i].offset, sizeof(text));
        if (options[i].secret)
            redact_add(r, text);
        else if (strstr(options[i].key, "password_file") || strstr(options[i].key, "token_file"))
            redact_add_file(r, text);
    }
}

static bool print_all(struct support *s, struct redact *redact, char **text)
{
    size_t len = 0;
    const time_t now = time(NULL);
    struct tm day;
    char when[32] = "";

    s->out = open_memstream(text, &len);
    if (!s->out)
        return false;
    if (gmtime_r(&now, &day))
        (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &day);
    fprintf(s->out,
            "studio-agent %s (protocol %d), %s\nRead it before you give it away; secrets "
            "are left out, names and addresses are not.\n",
            STUDIO_VERSION, STUDIO_PROTOCOL_VERSION, when);
    tell_configuration(s);
    tell_users(s);
    tell_agent(s);
    tell_store(s);
    tell_limits(s);
    tell_machine(s);
    tell_log(s);
    const bool whole = fclose(s->out) == 0 && *text && !redact->failed;
    if (whole)
        redact_apply(redact, *text);
    return whole;
}

/* A new file, for this user only. */
static bool put(const char *file, const char *text)
{
    const int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const size_t len = strlen(text);
    bool done = fd >= 0 && write(fd, text, len) == (ssize_t)len;

    if (fd >= 0)
        done = close(fd) == 0 && done;
    if (!done)
        fprintf(stderr, "studio-agent: %s: %s\n", file, strerror(errno));
    return done;
}

static int support(const struct cli *cli, const struct studio_agent_config *config)
{
    struct redact redact = {.count = 0};
    struct support s = {.cli = cli, .config = config, .redact = &redact};
    char *text = NULL;
    int code = STUDIO_EXIT_FAILED;

    find_secrets(&redact, config);
    if (!print_all(&s, &redact, &text)) {
        cli_complain("out of memory");
    } else if (cli->word_count == 0) {
        fputs(text, stdout);
        code = STUDIO_EXIT_OK;
    } else if (put(cli->words[0], text)) {
        printf("%s: read it before you give it away\n", cli->words[0]);
        code = STUDIO_EXIT_OK;
    }
    free(text);
    redact_finish(&redact);
    return code;
}

/* A wrong line is passed over: who needs help may have one. */
static void pass_over(void *ctx, unsigned line, const char *what)
{
    (void)what; /* it may show a part of the line */
    fprintf(stderr,
            "studio-agent: line %u of the configuration is wrong; `studio-agent check -c %s` "
            "says how\n",
            line, (const char *)ctx);
}

int command_support(const struct cli *cli, const char *const *variables)
{
    struct studio_agent_config config;
    struct studio_error error = {.text = ""};
    size_t mistakes;
    int code = STUDIO_EXIT_USAGE;

    config_init(&config);
    enum studio_err err = STUDIO_OK;
    if (cli->file)
        err = config_parse_file(&config, cli->file, NULL, pass_over, (void *)(uintptr_t)cli->file,
                                &mistakes, &error);
    if (err == STUDIO_OK)
        err = config_environment(&config, variables, NULL, &error);
    for (size_t i = 0; err == STUDIO_OK && i < cli->setting_count; i++)
        err =
            studio_agent_config_set(&config, cli->settings[i].name, cli->settings[i].value, &error);
    if (err == STUDIO_OK)
        code = support(cli, &config);
    else
        cli_complain(error.text);
    config_finish(&config);
    return code;
}
