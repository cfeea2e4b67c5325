/*
 * setup.c - what is missing is made, what is there is left alone, and the configuration file, which names all of it, is
 * written last: one that was interrupted is begun again.
 */
#include "cmd/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/authority.h"
#include "auth/file_edit.h"
#include "auth/token_file.h"
#include "auth/user_files.h"
#include "cmd/own_names.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/edit.h"
#include "config/file.h"

#define LISTEN "wss://[::]:8443, ws://localhost:8080"
#define LOGIN  "agent"

enum {
    PATH_LEN = 1024,
    PEM_MAX = 16384,
    OPEN_MODE = 0644,
    SECRET_MODE = 0640 /* of the group that needs it */
};

struct setup {
    const struct cli *cli;
    struct studio_agent_config config;
    struct own_names names;
    struct authority *authority; /* once something is to be issued */
    char dir[PATH_LEN];          /* the configuration file is in */
    gid_t group;                 /* of the configuration file: the agent's */
    struct buf ini;              /* as it is to be */
    struct studio_error error;
};

/* dir/name; what does not fit names no file that is there. */
static const char *path_in(char out[PATH_LEN], const char *dir, const char *name)
{
    if (snprintf(out, PATH_LEN, "%s/%s", dir, name) >= PATH_LEN)
        out[0] = '\0';
    return out;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static enum studio_err fail(struct setup *s, const char *what, const char *path)
{
    return config_fail(&s->error, STUDIO_ERR_USAGE, "cannot %s %s: %s", what, path,
                       strerror(errno));
}

static enum studio_err put(struct setup *s, const char *path, const struct buf *text, mode_t mode,
                           gid_t group)
{
    return file_edit_put(path, text->data, text->len, mode, group, &s->error);
}

/* As it is to stand in a file: without links and from the root on. `of` a file: the one it is in. */
static enum studio_err find_folder(struct setup *s, const char *path, char out[PATH_LEN], bool of)
{
    char *whole = realpath(path, NULL);
    const char *slash = whole ? strrchr(whole, '/') : NULL;
    const bool fits = slash && snprintf(out, PATH_LEN, "%.*s", (int)(of ? slash - whole : PATH_LEN),
                                        whole) < PATH_LEN;

    free(whole);
    if (!fits)
        return fail(s, "find", path);
    return STUDIO_OK;
}

static enum studio_err set(struct setup *s, const char *section, const char *key, const char *value)
{
    struct buf next;

    buf_init(&next, CONFIG_FILE_MAX);
    config_edit(&next, s->ini.data, section, key, value);
    buf_finish(&s->ini);
    s->ini = next;
    return buf_ok(&next)
               ? STUDIO_OK
               : config_fail(&s->error, STUDIO_ERR_USAGE, "%s becomes too large", s->cli->file);
}

struct setting {
    const char *section, *key, *value;
};

static enum studio_err set_all(struct setup *s, const struct setting *settings, size_t count)
{
    enum studio_err err = STUDIO_OK;

    for (size_t i = 0; err == STUDIO_OK && i < count; i++)
        err = set(s, settings[i].section, settings[i].key, settings[i].value);
    for (size_t i = 0; err == STUDIO_OK && i < count; i++)
        printf("  %s.%s = %s\n", settings[i].section, settings[i].key, settings[i].value);
    return err;
}

/* --- the authority and its certificates ---------------------------------------------------------- */

/* A certificate and a key in PEM; the key is not left behind. */
struct pem {
    char space[2][PEM_MAX];
    struct buf cert, key;
};

static void pem_begin(struct pem *pem)
{
    buf_init_fixed(&pem->cert, pem->space[0], sizeof(pem->space[0]));
    buf_init_fixed(&pem->key, pem->space[1], sizeof(pem->space[1]));
}

static void pem_end(struct pem *pem)
{
    explicit_bzero(pem, sizeof(*pem));
}

static enum studio_err read_authority(struct setup *s, const char *cert, const char *key)
{
    char *texts[2] = {NULL, NULL};
    size_t len[2] = {0, 0};
    struct studio_error error;
    enum studio_err err = file_read(cert, PEM_MAX, &texts[0], &len[0], NULL, &s->error);

    if (err == STUDIO_OK)
        err = file_read(key, PEM_MAX, &texts[1], &len[1], NULL, &s->error);
    if (err == STUDIO_OK) {
        err = authority_read(texts[0], texts[1], &s->authority, &error);
        if (err != STUDIO_OK)
            config_fail(&s->error, err, "%s and %s: %s", cert, key, error.text);
    }
    if (texts[1])
        explicit_bzero(texts[1], len[1]);
    free(texts[0]);
    free(texts[1]);
    return err;
}

static enum studio_err make_authority(struct setup *s, const char *cert, const char *key)
{
    char name[OWN_NAME_MAX + 32];
    struct pem pem;
    enum studio_err err;

    (void)snprintf(name, sizeof(name), "Studio authority of %.30s", s->names.list[0]);
    pem_begin(&pem);
    err = authority_create(name, &s->authority, &s->error);
    if (err == STUDIO_OK)
        err = authority_print(s->authority, &pem.cert, &pem.key, &s->error);
    if (err == STUDIO_OK)
        err = put(s, key, &pem.key, 0600, FILE_EDIT_GROUP);
    if (err == STUDIO_OK)
        err = put(s, cert, &pem.cert, OPEN_MODE, FILE_EDIT_GROUP);
    pem_end(&pem);
    if (err == STUDIO_OK)
        printf("made %s: clients are to trust it; %s is for root alone\n", cert, key);
    return err;
}

/* The one of a former `setup`, or a new one; clients trust its certificate, which is never replaced. A key without one is
 * left over from a `setup` that was interrupted. */
static enum studio_err open_authority(struct setup *s)
{
    char cert[PATH_LEN], key[PATH_LEN];

    if (s->authority)
        return STUDIO_OK;
    path_in(cert, s->dir, "ca.pem");
    path_in(key, s->dir, "ca.key");
    if (!is_there(cert))
        return make_authority(s, cert, key);
    if (is_there(key))
        return read_authority(s, cert, key);
    return config_fail(&s->error, STUDIO_ERR_USAGE,
                       "there is %s without %s, which is to sign: put the key back, or move the "
                       "certificate away for a new authority",
                       cert, key);
}

/* `cert` and `key` in a folder, for all the names of this machine. */
static enum studio_err issue(struct setup *s, const char *cert, const char *key, gid_t group)
{
    const char *names[OWN_NAMES_MAX];
    struct pem pem;
    enum studio_err err = open_authority(s);

    for (size_t i = 0; i < s->names.count; i++)
        names[i] = s->names.list[i];
    pem_begin(&pem);
    if (err == STUDIO_OK)
        err = authority_issue(s->authority, names, s->names.count, &pem.cert, &pem.key, &s->error);
    if (err == STUDIO_OK)
        err = put(s, key, &pem.key, SECRET_MODE, group);
    if (err == STUDIO_OK)
        err = put(s, cert, &pem.cert, OPEN_MODE, group);
    pem_end(&pem);
    if (err != STUDIO_OK)
        return err;
    printf("made %s: valid %d days, for", cert, AUTHORITY_SERVER_DAYS);
    for (size_t i = 0; i < s->names.count; i++)
        printf("%s %s", i ? "," : "", s->names.list[i]);
    putchar('\n');
    return STUDIO_OK;
}

/* One that is not ours, or is there, stays. */
static enum studio_err set_up_tls(struct setup *s)
{
    char cert[PATH_LEN], key[PATH_LEN];
    const char *used = s->config.tls_cert;
    enum studio_err err;

    path_in(cert, s->dir, "tls.pem");
    path_in(key, s->dir, "tls.key");
    if (used && (strcmp(used, cert) != 0 || is_there(cert))) {
        printf("left alone: websocket.tls_cert = %s\n", used);
        return STUDIO_OK;
    }
    err = issue(s, cert, key, s->group);
    if (err != STUDIO_OK || used)
        return err;
    const struct setting settings[] = {{"websocket", "listen", LISTEN},
                                       {"websocket", "tls_cert", cert},
                                       {"websocket", "tls_key", key}};
    return set_all(s, settings, sizeof(settings) / sizeof(settings[0]));
}

/* --- the broker ---------------------------------------------------------------------------------- */

static enum studio_err write_broker_configuration(struct setup *s, const char *file,
                                                  const char *dir)
{
    char space[PATH_LEN * 6];
    struct buf text;

    buf_init_fixed(&text, space, sizeof(space));
    buf_printf(&text,
               "# Made by `studio-agent setup`. On this machine without TLS, elsewhere with.\n"
               "listener 1883 localhost\n"
               "listener 8883\n"
               "certfile %s/tls.pem\n"
               "keyfile %s/tls.key\n"
               "\n"
               "# `studio-agent user add` writes both.\n"
               "allow_anonymous false\n"
               "password_file %s/passwd\n"
               "acl_file %s/acl\n"
               "\n"
               "# Without it messages are held back for up to 40 ms.\n"
               "set_tcp_nodelay true\n"
               "max_inflight_messages 200\n"
               "max_queued_messages 10000\n",
               dir, dir, dir, dir);
    if (!buf_ok(&text))
        return config_fail(&s->error, STUDIO_ERR_USAGE, "the path %s is too long", dir);
    return put(s, file, &text, OPEN_MODE, FILE_EDIT_GROUP);
}

/* A password nobody has to know: the broker has its hash, the agent a file. */
static enum studio_err make_login(struct setup *s, const char *dir, const char *file)
{
    char password[TOKEN_NEW_LEN + 1];
    const struct broker_login login = {.name = LOGIN, .password = password, .agent = true};
    enum studio_err err = token_make(password, &s->error);

    if (err == STUDIO_OK)
        err = user_files_put(dir, &login, s->config.topic_root, &s->error);
    if (err == STUDIO_OK)
        err = file_edit_put(file, password, TOKEN_NEW_LEN, SECRET_MODE, s->group, &s->error);
    explicit_bzero(password, sizeof(password));
    return err;
}

/* Root and the broker may look into it. */
static enum studio_err make_broker_folder(struct setup *s, const char *dir, gid_t *group)
{
    const bool root = geteuid() == 0;
    const struct group *found = root ? getgrnam("mosquitto") : NULL;
    enum studio_err err = STUDIO_OK;
    int fd;

    *group = found ? found->gr_gid : FILE_EDIT_GROUP;
    if (mkdir(dir, 0750) != 0 && errno != EEXIST)
        return fail(s, "make", dir);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail(s, "open the folder", dir);
    if ((root && fchown(fd, (uid_t)-1, *group) != 0) || fchmod(fd, 0750) != 0)
        err = fail(s, "set group and mode of", dir);
    close(fd);
    return err;
}

static enum studio_err set_up_broker(struct setup *s)
{
    char its[PATH_LEN], folder[PATH_LEN], dir[PATH_LEN], file[PATH_LEN], cert[PATH_LEN],
        key[PATH_LEN];
    char password[PATH_LEN];
    gid_t group;
    enum studio_err err;

    if (s->config.broker) {
        printf("left alone: mqtt.broker = %s\n", s->config.broker);
        return STUDIO_OK;
    }
    path_in(folder, s->cli->mosquitto, "conf.d");
    if (!is_there(folder))
        return config_fail(&s->error, STUDIO_ERR_USAGE,
                           "--mosquitto: there is no %s: apt install mosquitto", folder);
    err = find_folder(s, s->cli->mosquitto, its, false);
    if (err != STUDIO_OK)
        return err;
    path_in(folder, its, "conf.d");
    path_in(file, folder, "studio.conf");
    path_in(dir, its, "studio");
    path_in(cert, dir, "tls.pem");
    path_in(key, dir, "tls.key");
    path_in(password, s->dir, "broker.password");
    err = make_broker_folder(s, dir, &group);
    if (err == STUDIO_OK)
        err = issue(s, cert, key, group);
    if (err == STUDIO_OK)
        err = make_login(s, dir, password);
    if (err == STUDIO_OK)
        err = write_broker_configuration(s, file, dir);
    if (err != STUDIO_OK)
        return err;
    printf("made %s, and what it names in %s\n", file, dir);
    const struct setting settings[] = {{"mqtt", "broker", "mqtt://localhost"},
                                       {"mqtt", "username", LOGIN},
                                       {"mqtt", "password_file", password},
                                       {"mqtt", "user_files", dir}};
    return set_all(s, settings, sizeof(settings) / sizeof(settings[0]));
}

/* --- all of it ----------------------------------------------------------------------------------- */

static enum studio_err read_file(struct setup *s)
{
    struct stat about;
    char *text;
    size_t len;
    enum studio_err err = file_read(s->cli->file, CONFIG_FILE_MAX, &text, &len, &about, &s->error);

    if (err != STUDIO_OK)
        return err;
    s->group = about.st_gid;
    buf_add(&s->ini, text, len);
    explicit_bzero(text, len);
    free(text);
    return find_folder(s, s->cli->file, s->dir, true);
}

static enum studio_err set_up(struct setup *s)
{
    enum studio_err err = read_file(s);

    if (err == STUDIO_OK)
        err = set_up_tls(s);
    if (err == STUDIO_OK && s->cli->mosquitto)
        err = set_up_broker(s);
    if (err == STUDIO_OK)
        err = put(s, s->cli->file, &s->ini, 0, FILE_EDIT_GROUP);
    return err;
}

static void tell_next(const struct setup *s)
{
    printf("written to %s. A user for each who is to come, and the start:\n"
           "  studio-agent user add ARO-001_dealerPC -c %s\n"
           "  systemctl restart%s studio-agent\n"
           "They come to wss://%s:8443, with %s/ca.pem to trust.\n",
           s->cli->file, s->cli->file, s->cli->mosquitto ? " mosquitto" : "", s->names.list[0],
           s->dir);
}

int command_setup(const struct cli *cli, const char *const *variables)
{
    struct setup *s = calloc(1, sizeof(*s));
    enum studio_err err;

    if (!cli->file || !s) {
        cli_complain(s ? "setup needs the file that is to be written: studio-agent setup -c "
                         "/etc/studio-agent/agent.ini"
                       : "out of memory");
        free(s);
        return STUDIO_EXIT_USAGE;
    }
    s->cli = cli;
    buf_init(&s->ini, CONFIG_FILE_MAX);
    config_init(&s->config);
    own_names_find(&s->names, cli->words, cli->word_count);
    err = cli_configure(cli, variables, &s->config, &s->error);
    if (err == STUDIO_OK)
        err = set_up(s);
    if (err == STUDIO_OK)
        tell_next(s);
    else
        cli_complain(s->error.text);
    authority_free(s->authority);
    config_finish(&s->config);
    buf_finish(&s->ini);
    free(s);
    return err == STUDIO_OK ? STUDIO_EXIT_OK : studio_agent_exit_code(err);
}
