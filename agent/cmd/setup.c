/*
 * setup.c - what is missing is made, what is there is left alone. First all of it is planned and the configuration file as
 * it is to be is checked; the file, which names the rest, is written last: a setup that was interrupted is begun again,
 * over what it had made (mark.h), and never over what somebody else did.
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

#include "auth/certificate.h"
#include "auth/file_edit.h"
#include "cmd/agent_login.h"
#include "cmd/issuer.h"
#include "cmd/mark.h"
#include "cmd/own_names.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/edit.h"
#include "config/file.h"
#include "config/listen.h"
#include "config/options.h"

#define OPEN   "wss://[::]:8443"
#define LISTEN OPEN ", ws://localhost:8080"

enum { PATH_LEN = 1024, SETTINGS_MAX = 8, OPEN_MODE = 0644 };

/* A certificate and its key. */
struct pair {
    char cert[PATH_LEN], key[PATH_LEN];
    bool issue; /* they are to be made */
};

/* What to do with what is in the way. */
static const char new_pair[] = "move it away, or name it and its other half in the configuration "
                               "(websocket.tls_cert, tls_key)";
static const char new_broker[] =
    "move it away, or set mqtt.broker and a login to use the broker as it is";
/* Earlier versions made keys without a mark. */
static const char renewal[] =
    "move it away, too, if it was of the certificate that is to be made again";

struct setting {
    const char *section, *key, *value;
};

struct setup {
    const struct cli *cli;
    struct studio_agent_config config;
    struct own_names names;
    struct issuer issuer;
    char dir[PATH_LEN]; /* the configuration file is in */
    gid_t group;        /* of the configuration file: the agent's */
    struct pair tls, broker;
    bool opens, new_broker;                /* LISTEN is set; a broker is told of */
    char broker_dir[PATH_LEN];             /* of its certificate and users */
    char broker_file[PATH_LEN];            /* of its configuration */
    char password_file[PATH_LEN];          /* of the agent's login there */
    struct buf ini;                        /* as it is to be */
    struct setting settings[SETTINGS_MAX]; /* that are new in it */
    size_t setting_count;
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

/* `value` lasts as long as the setup. */
static enum studio_err set(struct setup *s, const char *section, const char *key, const char *value)
{
    struct buf next;

    buf_init(&next, CONFIG_FILE_MAX);
    config_edit(&next, s->ini.data, section, key, value);
    buf_finish(&s->ini);
    s->ini = next;
    s->settings[s->setting_count++] = (struct setting){section, key, value};
    return buf_ok(&next)
               ? STUDIO_OK
               : config_fail(&s->error, STUDIO_ERR_USAGE, "%s becomes too large", s->cli->file);
}

/* --- the plan ------------------------------------------------------------------------------------ */

static void name_pair(struct pair *pair, const char *dir)
{
    path_in(pair->cert, dir, "tls.pem");
    path_in(pair->key, dir, "tls.key");
}

/* Both are there, and belong together. */
static bool is_whole(const struct pair *pair)
{
    const struct certificate_files files = {.cert = pair->cert, .key = pair->key};
    struct certificate *certificate;
    struct studio_error error;
    const bool whole = certificate_read(&files, &certificate, &error) == STUDIO_OK;

    certificate_free(certificate);
    return whole;
}

static bool is(const char *value, const char *wanted)
{
    return value && strcmp(value, wanted) == 0;
}

/* An address of one's own stays; true: it does without TLS. */
static bool keeps_listen(const struct setup *s)
{
    struct listen_list list;

    return !is(s->config.listen, option_find("websocket", "listen")->initial) &&
           (listen_parse(s->config.listen, false, &list) || !listen_has(&list, LISTEN_TLS));
}

/* A certificate that is not ours, or is there, stays. */
static enum studio_err plan_tls(struct setup *s)
{
    const struct studio_agent_config *config = &s->config;
    struct pair *tls = &s->tls;
    enum studio_err err = STUDIO_OK;

    name_pair(tls, s->dir);
    if (config->tls_cert) {
        tls->issue =
            is(config->tls_cert, tls->cert) && is(config->tls_key, tls->key) && !is_whole(tls);
        if (!tls->issue)
            printf("left alone: websocket.tls_cert = %s\n", config->tls_cert);
        return STUDIO_OK;
    }
    if (keeps_listen(s)) {
        printf("left alone: websocket.listen = %s\n"
               "  for TLS add %s to it, with ws:// before what is to stay without, and come back\n",
               config->listen, OPEN);
        return STUDIO_OK;
    }
    tls->issue = true;
    s->opens = is(config->listen, option_find("websocket", "listen")->initial);
    if (s->opens)
        err = set(s, "websocket", "listen", LISTEN);
    if (err == STUDIO_OK)
        err = set(s, "websocket", "tls_cert", tls->cert);
    if (err == STUDIO_OK)
        err = set(s, "websocket", "tls_key", tls->key);
    return err;
}

/* Users that lie there without a key of ours are no setup's that was interrupted. */
static enum studio_err check_broker_files(struct setup *s)
{
    static const char *const names[] = {"passwd", "acl"};
    enum studio_err err = mark_check(s->broker_file, new_broker, &s->error);
    char path[PATH_LEN];

    if (is_there(s->broker_file) || is_there(s->broker.key))
        return err;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && err == STUDIO_OK; i++)
        err = mark_check(path_in(path, s->broker_dir, names[i]), new_broker, &s->error);
    return err;
}

/* Of a broker that is yet to be set up somebody has a part already. */
static enum studio_err check_broker(struct setup *s)
{
    const struct studio_agent_config *config = &s->config;
    const struct {
        const char *key, *value;
    } parts[] = {
        {"username", config->username},
        {"password", config->password},
        {"password_file", config->password_file},
        {"user_files", config->user_files},
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].value)
            return config_fail(&s->error, STUDIO_ERR_USAGE,
                               "mqtt.%s is set in %s, and no mqtt.broker: set the broker it is "
                               "for, or take it out for one of setup's making, and come back; "
                               "nothing is made",
                               parts[i].key, s->cli->file);
    }
    return check_broker_files(s);
}

/* Of one that a former setup told of only the certificate is made again. */
static enum studio_err plan_broker(struct setup *s)
{
    const struct studio_agent_config *config = &s->config;
    char its[PATH_LEN], folder[PATH_LEN];
    enum studio_err err;

    path_in(folder, s->cli->mosquitto, "conf.d");
    if (!is_there(folder))
        return config_fail(&s->error, STUDIO_ERR_USAGE,
                           "--mosquitto: there is no %s: apt install mosquitto", folder);
    err = find_folder(s, s->cli->mosquitto, its, false);
    if (err != STUDIO_OK)
        return err;
    path_in(folder, its, "conf.d");
    path_in(s->broker_file, folder, "studio.conf");
    path_in(s->broker_dir, its, "studio");
    path_in(s->password_file, s->dir, "broker.password");
    name_pair(&s->broker, s->broker_dir);
    s->new_broker = !config->broker;
    s->broker.issue =
        s->new_broker || (is(config->user_files, s->broker_dir) && !is_whole(&s->broker));
    if (!s->broker.issue)
        printf("left alone: mqtt.broker = %s\n", config->broker);
    if (s->broker.issue)
        err = issuer_check(&s->issuer, s->broker.cert, s->broker.key,
                           s->new_broker ? new_broker : renewal, &s->error);
    if (err != STUDIO_OK || !s->new_broker)
        return err;
    err = check_broker(s);
    if (err == STUDIO_OK)
        err = set(s, "mqtt", "broker", "mqtt://localhost");
    if (err == STUDIO_OK)
        err = set(s, "mqtt", "username", AGENT_LOGIN);
    if (err == STUDIO_OK)
        err = set(s, "mqtt", "password_file", s->password_file);
    if (err == STUDIO_OK)
        err = set(s, "mqtt", "user_files", s->broker_dir);
    return err;
}

static enum studio_err refuse(struct setup *s, const char *what)
{
    return config_fail(&s->error, STUDIO_ERR_USAGE,
                       "%s would not be right with what is to be set, nothing is made: %s",
                       s->cli->file, what);
}

/* Keeps the first mistake. */
static void keep_mistake(void *ctx, unsigned line, const char *what)
{
    struct setup *s = ctx;
    char text[STUDIO_ERROR_TEXT_MAX];

    if (s->error.code != STUDIO_OK)
        return;
    (void)snprintf(text, sizeof(text), "line %u: %s", line, what);
    (void)refuse(s, text);
}

/* The agent would start with it. */
static enum studio_err check_plan(struct setup *s)
{
    struct studio_agent_config config;
    struct studio_error error;
    size_t mistakes = 0;
    enum studio_err err;

    config_init(&config);
    s->error.code = STUDIO_OK;
    err = config_parse(&config, s->ini.data, s->ini.len, NULL, keep_mistake, s, &mistakes);
    if (err != STUDIO_OK)
        err = config_fail(&s->error, err, "out of memory");
    else if (mistakes > 0)
        err = s->error.code;
    else if (config_check(&config, &error) != STUDIO_OK)
        err = refuse(s, error.text);
    config_finish(&config);
    return err;
}

/* --- the broker ---------------------------------------------------------------------------------- */

static enum studio_err write_broker_configuration(struct setup *s)
{
    const char *dir = s->broker_dir;
    char space[PATH_LEN * 6];
    struct buf text;

    buf_init_fixed(&text, space, sizeof(space));
    buf_printf(&text,
               MARK "\n"
                    "# On this machine without TLS, elsewhere with.\n"
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
    return put(s, s->broker_file, &text, OPEN_MODE, FILE_EDIT_GROUP);
}

/* Root and the broker may look into it. */
static enum studio_err make_broker_folder(struct setup *s, gid_t *group)
{
    const char *dir = s->broker_dir;
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
    gid_t group;
    enum studio_err err = make_broker_folder(s, &group);

    if (err == STUDIO_OK)
        err = issuer_issue(&s->issuer, s->broker.cert, s->broker.key, group, &s->error);
    if (err != STUDIO_OK || !s->new_broker)
        return err;
    err = agent_login_make(&(struct agent_login){.password_file = s->password_file,
                                                 .broker_dir = s->broker_dir,
                                                 .topic_root = s->config.topic_root,
                                                 .group = s->group},
                           &s->error);
    if (err == STUDIO_OK)
        err = write_broker_configuration(s);
    if (err == STUDIO_OK)
        printf("made %s, and what it names in %s\n", s->broker_file, s->broker_dir);
    return err;
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

static enum studio_err plan(struct setup *s)
{
    enum studio_err err = read_file(s);

    if (err == STUDIO_OK)
        err = plan_tls(s);
    if (err == STUDIO_OK && s->tls.issue)
        err = issuer_check(&s->issuer, s->tls.cert, s->tls.key,
                           s->config.tls_cert ? renewal : new_pair, &s->error);
    if (err == STUDIO_OK && s->cli->mosquitto)
        err = plan_broker(s);
    if (err == STUDIO_OK && s->setting_count > 0)
        err = check_plan(s);
    return err;
}

static enum studio_err set_up(struct setup *s)
{
    enum studio_err err = plan(s);

    if (err == STUDIO_OK && s->tls.issue)
        err = issuer_issue(&s->issuer, s->tls.cert, s->tls.key, s->group, &s->error);
    if (err == STUDIO_OK && s->broker.issue)
        err = set_up_broker(s);
    if (err == STUDIO_OK && s->setting_count > 0)
        err = put(s, s->cli->file, &s->ini, 0, FILE_EDIT_GROUP);
    return err;
}

/* Of what is new. */
static void tell_next(const struct setup *s)
{
    const char *broker = s->broker.issue ? " mosquitto" : "";

    if (s->setting_count > 0)
        printf("written to %s:\n", s->cli->file);
    for (size_t i = 0; i < s->setting_count; i++)
        printf("  %s.%s = %s\n", s->settings[i].section, s->settings[i].key, s->settings[i].value);
    if (s->setting_count > 0)
        printf("A user for each who is to come, and the start:\n"
               "  studio-agent user add ARO-001_dealerPC -c %s\n"
               "  systemctl restart%s studio-agent\n",
               s->cli->file, broker);
    else if (s->broker.issue)
        printf("It uses the new certificate with:\n  systemctl restart%s\n", broker);
    if (s->opens)
        printf("They come to wss://%s:8443, with %s/ca.pem to trust.\n", s->names.list[0], s->dir);
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
    s->issuer = (struct issuer){.dir = s->dir, .names = &s->names};
    err = cli_configure(cli, variables, &s->config, &s->error);
    if (err == STUDIO_OK)
        err = set_up(s);
    if (err == STUDIO_OK)
        tell_next(s);
    else
        cli_complain(s->error.text);
    issuer_finish(&s->issuer);
    config_finish(&s->config);
    buf_finish(&s->ini);
    free(s);
    return err == STUDIO_OK ? STUDIO_EXIT_OK : studio_agent_exit_code(err);
}
