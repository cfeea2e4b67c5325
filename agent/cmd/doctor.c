#include "cmd/doctor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/token_file.h"
#include "auth/tokens.h"
#include "base/json.h"
#include "base/names.h"
#include "cmd/copy.h"
#include "cmd/diagnosis.h"
#include "cmd/socket_unit.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/exposure.h"
#include "control.h"
#include "store/tools.h"
#include "store/transfer.h"

enum {
    SOON_S = 14 * 86400,
    ANSWER_MAX = 65536,
    CHECK_MAX_MB = 256 /* of a store that nobody runs on: more takes too long here */
};

/* --- the configuration ------------------------------------------------------------------------ */

struct reading {
    struct diagnosis *d;
    const char *file;
};

static void tell_mistake(void *ctx, unsigned line, const char *what)
{
    const struct reading *reading = ctx;

    diagnosis_tell(reading->d, FINDING_FAULT, "configuration", "correct the line", "%s:%u: %s",
                   reading->file, line, what);
}

static void tell_exposure(void *ctx, const char *what)
{
    diagnosis_tell(ctx, FINDING_WARNING, "network", NULL, "%s", what);
}

/* False: no agent would start with it, and what follows would be about another one. */
static bool look_at_configuration(struct diagnosis *d, const struct cli *cli,
                                  const char *const *variables, struct studio_agent_config *config)
{
    struct reading reading = {.d = d, .file = cli->file};
    struct studio_error error = {.text = ""};
    size_t mistakes = 0;
    enum studio_err err =
        studio_agent_config_set(config, "mqtt.link_program", "/proc/self/exe", &error);

    if (err == STUDIO_OK && cli->file)
        err = config_parse_file(config, cli->file, NULL, tell_mistake, &reading, &mistakes, &error);
    if (err == STUDIO_OK && mistakes > 0)
        return false;
    if (err == STUDIO_OK)
        err = cli_configure(cli, variables, config, &error);
    if (err == STUDIO_OK)
        diagnosis_tell(d, FINDING_OK, "configuration", NULL, "%s",
                       cli->file ? cli->file : "the defaults, the environment, the command line");
    else
        diagnosis_tell(d, FINDING_FAULT, "configuration", "correct it", "%s", error.text);
    return err == STUDIO_OK;
}

/* --- users ------------------------------------------------------------------------------------ */

struct users {
    size_t count, expired, soon;
    int64_t now_s;
};

static void count_user(void *ctx, const char *file, unsigned number, const struct token_line *line)
{
    struct users *users = ctx;

    (void)file;
    (void)number;
    users->count++;
    users->expired += line->until_s <= users->now_s;
    users->soon += line->until_s > users->now_s && line->until_s <= users->now_s + SOON_S;
}

/* The flags by which a command finds the same users. */
static void print_flags(char *out, size_t cap, const struct cli *cli, const char *data,
                        const char *file)
{
    if (cli->file && cli->setting_count == 0)
        (void)snprintf(out, cap, "-c %s", cli->file);
    else
        (void)snprintf(out, cap, "--data %s --tokens %s", data, file ? file : "FILE");
}

static void look_at_users(struct diagnosis *d, const struct cli *cli)
{
    struct users users = {.now_s = time(NULL)};
    struct studio_error error;
    struct tokens *tokens = NULL;
    char *file = config_tokens_path(d->config), flags[1024], advice[4096];
    enum studio_err err = file ? tokens_read(file, TOKENS_FOR_COMMAND, &tokens, &error)
                               : studio_error_set(&error, STUDIO_ERR_NO_MEMORY, NULL);

    if (err == STUDIO_OK)
        err = token_file_each(file, count_user, &users, &error);
    print_flags(flags, sizeof(flags), cli, d->config->data, file);
    (void)snprintf(advice, sizeof(advice),
                   err == STUDIO_OK
                       ? "studio-agent token list %s, then token new and token revoke with the same"
                       : "studio-agent token new PATTERN %s",
                   flags);
    if (err != STUDIO_OK)
        diagnosis_tell(d, FINDING_FAULT, "tokens", advice, "%s", error.text);
    else
        diagnosis_tell(d, users.expired || users.soon ? FINDING_WARNING : FINDING_OK, "tokens",
                       advice, "%s: %zu; expired %zu, within 14 days %zu", file, users.count,
                       users.expired, users.soon);
    tokens_destroy(tokens);
    free(file);
}

/* --- the agent and its store ------------------------------------------------------------------- */

/* What stands at a path of names in an object; false: nothing. Strings without their quotes. */
static bool find(const char *json, const char *path, char *out, size_t cap)
{
    struct json_members members;
    struct json_span at = {.text = json, .len = strlen(json)};
    const char *name = path;

    while (*name) {
        const size_t len = strcspn(name, ".");
        size_t i = 0;
        if (!json_members(at.text, at.len, &members))
            return false;
        while (i < members.count && (members.names[i].len != len + 2 ||
                                     memcmp(members.names[i].text + 1, name, len) != 0))
            i++;
        if (i == members.count)
            return false;
        at = members.values[i];
        name += len + (name[len] == '.');
    }
    if (at.text[0] == '"')
        at = (struct json_span){.text = at.text + 1, .len = at.len - 2};
    (void)snprintf(out, cap, "%.*s", (int)at.len, at.text);
    return true;
}

static unsigned long long number(const char *json, const char *path)
{
    char text[32];

    return find(json, path, text, sizeof(text)) ? strtoull(text, NULL, 10) : 0;
}

static void tell_health(struct diagnosis *d, const char *about)
{
    char text[256] = "", version[64] = "";
    const unsigned long long waiting = number(about, "health.backlog.events"),
                             age = number(about, "health.backlog.oldest_s"),
                             parked = number(about, "health.parked");
    enum { LATE_S = 60 };

    (void)find(about, "info.version", version, sizeof(version));
    diagnosis_tell(
        d, FINDING_OK, "agent", NULL, "studio-agent %s runs on %s: %llu tables, %llu clients",
        version, d->config->data, number(about, "health.tables"), number(about, "health.clients"));
    const bool writable =
        find(about, "health.store.writable", text, sizeof(text)) && strcmp(text, "true") == 0;
    diagnosis_tell(d, writable ? FINDING_OK : FINDING_FAULT, "store",
                   "free some space on its disk, or raise store.max_bytes; its log says which",
                   "%s; all of it: studio-agent store check %s%s",
                   writable ? "it can be written" : "it cannot be written: updates are refused",
                   d->config->store_url ? "-c FILE" : "--data ",
                   d->config->store_url ? "" : d->config->data);
    if (!d->config->broker)
        return;
    diagnosis_tell(d, waiting && age > LATE_S ? FINDING_WARNING : FINDING_OK, "mirror",
                   "see what the lines about the broker below say",
                   "%llu events wait for the broker, the oldest for %llu s", waiting, age);
    if (parked)
        diagnosis_tell(d, FINDING_WARNING, "mirror",
                       "see the agent's log for the broker's reasons; they stay in replay",
                       "%llu events were refused by a broker for good", parked);
}

/* False: it is none. */
static bool tell_standby(struct diagnosis *d, const char *about)
{
    char status[16] = "", owner[STORE_OWNER_MAX + 1] = "";

    (void)find(about, "status", status, sizeof(status));
    (void)find(about, "owner", owner, sizeof(owner));
    if (strcmp(status, "standby") != 0)
        return false;
    diagnosis_tell(d, FINDING_OK, "agent", NULL, "a standby runs on %s: %s%s", d->config->data,
                   owner[0] ? owner : "the database is away",
                   owner[0] ? " has the tables, and doctor there tells of them" : "");
    return true;
}

/* True: an agent runs. */
static bool look_at_agent(struct diagnosis *d, char *id, size_t cap)
{
    struct studio_error error;
    struct buf about;
    bool ok = false, said;

    buf_init(&about, ANSWER_MAX);
    const enum studio_err err = control_ask(d->config->data, "about", &ok, &about, &error);
    said = err == STUDIO_OK && ok && buf_ok(&about) && about.data;
    if (said && find(about.data, "info.agent", id, cap))
        tell_health(d, about.data);
    else if (said && tell_standby(d, about.data))
        ;
    else if (err == STUDIO_ERR_NOT_CONNECTED)
        diagnosis_tell(d, FINDING_OK, "agent", NULL, "none runs on %s", d->config->data);
    else
        diagnosis_tell(d, FINDING_FAULT, "agent", "see its log; start it again with this version",
                       "%s", err == STUDIO_OK ? "it does not say how it is" : error.text);
    buf_finish(&about);
    return err != STUDIO_ERR_NOT_CONNECTED;
}

static void check_store(struct diagnosis *d)
{
    struct studio_error error;
    const struct store_place place = {.dir = d->config->data, .copy = -1};
    FILE *nowhere = fopen("/dev/null", "w");
    const enum studio_err err = nowhere ? store_check(&place, nowhere, &error) : STUDIO_ERR_IO;

    if (nowhere)
        (void)fclose(nowhere);
    if (err == STUDIO_OK)
        diagnosis_tell(d, FINDING_OK, "store", NULL, "no fault found in %s", d->config->data);
    else if (nowhere)
        diagnosis_tell(d, FINDING_FAULT, "store", "put a backup back (OPERATING.md)", "%s",
                       error.text);
}

static void look_at_store(struct diagnosis *d, char *id, size_t cap)
{
    struct studio_error error;
    struct store_info *info = calloc(1, sizeof(*info));
    uint64_t bytes = 0;
    bool none = false;

    if (!info || d->config->store_url) { /* in a database, which is looked at in any case */
        free(info);
        return;
    }
    copy_as_owner(d->config->data);
    const enum studio_err err = store_look(d->config->data, info, &bytes, &none, &error);
    if (none)
        diagnosis_tell(d, FINDING_OK, "store", NULL, "there is none yet in %s; a start makes it",
                       d->config->data);
    else if (err != STUDIO_OK)
        diagnosis_tell(d, FINDING_FAULT, "store", "put a backup back (OPERATING.md)", "%s",
                       error.text);
    else if (bytes >> 20 > CHECK_MAX_MB)
        diagnosis_tell(d, FINDING_OK, "store", NULL,
                       "%llu MB, up to event %llu; all of it: studio-agent store check --data %s",
                       (unsigned long long)(bytes >> 20), (unsigned long long)info->last_seq,
                       d->config->data);
    else
        check_store(d);
    copy_as_caller();
    if (err == STUDIO_OK && !none)
        (void)snprintf(id, cap, "%s", info->agent_id);
    free(info);
}

/* --- all of it --------------------------------------------------------------------------------- */

static void look(struct diagnosis *d, const struct cli *cli)
{
    char id[NAME_CLIENT_MAX + 1] = "", host[256] = "", words[SOCKET_UNIT_WORDS_MAX];

    config_warnings(d->config, tell_exposure, d);
    if (socket_unit_words(words))
        diagnosis_tell(d, FINDING_OK, "network", NULL, "%s", words);
    copy_as_owner(d->config->data); /* what root may read the agent may not */
    look_at_users(d, cli);
    doctor_certificates(d);
    copy_as_caller();
    doctor_broker_certificate(d);
    doctor_clock(d);
    doctor_disk(d);
    doctor_files(d);
    if (!look_at_agent(d, id, sizeof(id)))
        look_at_store(d, id, sizeof(id));
    copy_as_owner(d->config->data);
    doctor_database(d);
    copy_as_caller();
    if (!id[0] && gethostname(host, sizeof(host) - 1) == 0)
        name_make_client(host, id);
    d->agent_id = d->config->agent_id ? d->config->agent_id : id;
    copy_as_owner(d->config->data);
    doctor_brokers(d);
    copy_as_caller();
    doctor_clock_again(d);
}

int command_doctor(const struct cli *cli, const char *const *variables)
{
    struct studio_agent_config config;
    const char *no_colour = getenv("NO_COLOR");
    struct diagnosis d = {.config = &config,
                          .json = cli->json,
                          .colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour)};

    signal(SIGPIPE, SIG_IGN); /* a connection that ends is an answer */
    config_init(&config);
    if (look_at_configuration(&d, cli, variables, &config))
        look(&d, cli);
    config_finish(&config);
    return diagnosis_end(&d);
}
