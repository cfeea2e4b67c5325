/* options.c - the rows of the option table and the look-ups in it. */
#include "config/options.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "config/checks.h"
#include "config/listen.h"
#include "config/settings.h"

static const struct option_choice event_loops[] = {
    {"auto", LOOP_AUTO}, {"libev", LOOP_LIBEV}, {"poll", LOOP_POLL}, {NULL, 0}};
static const struct option_choice certificate_users[] = {{"none", CERTIFICATE_USER_NONE},
                                                         {"cn", CERTIFICATE_USER_CN},
                                                         {"uri", CERTIFICATE_USER_URI},
                                                         {NULL, 0}};
static const struct option_choice mqtt_versions[] = {{"5", 5}, {"3.1.1", 4}, {NULL, 0}};
static const struct option_choice log_levels[] = {
    {"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}, {NULL, 0}};
static const struct option_choice log_formats[] = {
    {"text", LOG_TEXT}, {"json", LOG_JSON}, {NULL, 0}};

/* One line per option reads as a table; clang-format would make ten of each. */
/* clang-format off */
#define TO(field)           .offset = offsetof(struct studio_agent_config, field)
#define STRING(field, what) .type = OPTION_STRING, TO(field), .arg = (what)
#define BOOL(field)         .type = OPTION_BOOL, TO(field), .initial = "no"
#define INT(field, from, to, first)                                                                \
    .type = OPTION_INT, TO(field), .min = (from), .max = (to), .initial = (first)
#define ENUM(field, list, first) .type = OPTION_ENUM, TO(field), .choices = (list), .initial = (first)

const struct option options[] = {
    {"websocket", "listen", "listen", STRING(listen, "HOST:PORT[,...]"), .initial = "localhost:8080", .check = check_listen,
     .help = "addresses to listen on: HOST:PORT, ws://HOST:PORT, wss://HOST:PORT, unix:/PATH; port 0 takes any free one"},
    {"websocket", "tls_cert", "tls-cert", STRING(tls_cert, "FILE"), .absent = "no TLS",
     .help = "certificate for wss:// and https:// (PEM), with those between it and its authority"},
    {"websocket", "tls_key", "tls-key", STRING(tls_key, "FILE"), .absent = "in tls_cert",
     .help = "private key of the certificate (PEM, without a password)"},
    {"websocket", "tls_client_ca", "tls-client-ca", STRING(tls_client_ca, "FILE"), .absent = "they need none",
     .help = "authorities that certificates of TLS clients must come from"},
    {"websocket", "event_loop", NULL, ENUM(event_loop, event_loops, "auto"),
     .help = "how to wait for sockets; auto takes libev where it is installed"},
    {"websocket", "auth_timeout", NULL, INT(auth_timeout_s, 1, 3600, "10"),
     .help = "seconds a new client has to say who it is"},
    {"websocket", "ping_after", NULL, INT(ping_after_s, 1, 86400, "20"),
     .help = "seconds of silence before a ping"},
    {"websocket", "ping_grace", NULL, INT(ping_grace_s, 1, 3600, "10"),
     .help = "seconds to wait for any frame after the ping"},
    {"websocket", "write_timeout", NULL, INT(write_timeout_s, 1, 3600, "30"),
     .help = "seconds a client may leave waiting data unread, or its own message unfinished"},
    {"websocket", "trusted_proxies", NULL, STRING(trusted_proxies, "ADDR[/BITS][,...]"), .absent = "none",
     .check = check_networks, .help = "proxies whose X-Forwarded-For or Forwarded names the client"},
    {"websocket", "origins", NULL, STRING(origins, "ORIGIN[,...]|*"), .absent = "the agent's own address",
     .check = check_origins, .help = "origins of pages that may connect and change something, like https://ops.example:8443; * is any"},
    {"websocket", "proxy_protocol", NULL, BOOL(proxy_protocol),
     .help = "the trusted proxies begin each connection with a header of the PROXY protocol, version 1 or 2"},

    {"mqtt", "broker", "broker", STRING(broker, "URI[,URI...]"), .absent = "no mirroring", .check = check_brokers,
     .help = "brokers in order of preference: mqtt://, tcp://, mqtts:// or ssl://HOST[:PORT]"},
    {"mqtt", "agent_id", "agent-id", STRING(agent_id, "ID"), .absent = "the host name, kept in the store",
     .check = check_agent_id, .help = "name of this agent in topics"},
    {"mqtt", "topic_root", "topic-root", STRING(topic_root, "TOPIC"), .initial = "studio", .check = check_topic_root,
     .help = "what all topics start with"},
    {"mqtt", "version", NULL, ENUM(mqtt_version, mqtt_versions, "5"),
     .help = "MQTT version; 3.1.1 is also tried when a broker refuses 5"},
    {"mqtt", "username", NULL, STRING(username, "NAME[,NAME...]"),
     .help = "login: one for all brokers, or one for each"},
    {"mqtt", "password", NULL, STRING(password, "PASSWORD"), .secret = true,
     .help = "password; better in password_file"},
    {"mqtt", "password_file", NULL, STRING(password_file, "FILE"),
     .help = "file with the password: one line for all brokers, or one for each"},
    {"mqtt", "command_username", NULL, STRING(command_username, "NAME[,NAME...]"), .absent = "mqtt.username",
     .help = "login of the connection for commands, where a broker takes the user name for the client id"},
    {"mqtt", "command_password", NULL, STRING(command_password, "PASSWORD"), .secret = true,
     .help = "its password; better in command_password_file"},
    {"mqtt", "command_password_file", NULL, STRING(command_password_file, "FILE"),
     .help = "file with its password: one line for all brokers, or one for each"},
    {"mqtt", "user_files", NULL, STRING(user_files, "DIR"),
     .help = "directory of a Mosquitto's files passwd and acl on this machine, which `user add` keeps as well"},
    {"mqtt", "ca_file", NULL, STRING(ca_file, "FILE"), .absent = "those of the system",
     .help = "authorities that certify mqtts:// brokers"},
    {"mqtt", "cert", NULL, STRING(cert, "FILE"),
     .help = "our certificate (PEM) for brokers that want one, with those between it and its authority"},
    {"mqtt", "key", NULL, STRING(key, "FILE"), .absent = "in mqtt.cert",
     .help = "its key (PEM, without a password)"},
    {"mqtt", "keepalive", NULL, INT(keepalive_s, 1, 65535, "15"),
     .help = "seconds between signs of life to the broker"},
    {"mqtt", "session_expiry", NULL, INT(session_expiry_s, 0, INT32_MAX, "3600"),
     .help = "seconds the broker keeps commands for an agent that is away"},
    {"mqtt", "republish_spread", NULL, INT(republish_spread_s, 0, 3600, "0"),
     .help = "seconds over which all that is retained is published again, so that many agents do not at once"},
    {"mqtt", "max_backlog", NULL, INT(max_backlog, 1, 1000000000, "1000000"),
     .help = "events that may wait for a broker before updates are refused"},
    {"mqtt", "create_tables", NULL, BOOL(create_tables),
     .help = "let MQTT commands create tables"},
    {"mqtt", "shared_root", NULL, BOOL(shared_root),
     .help = "several agents share the topic root: say nothing about unknown tables"},
    {"mqtt", "topic_escape", NULL, BOOL(topic_escape),
     .help = "write '.', blank and '%' in names as %2E, %20, %25, for brokers that cannot carry them"},
    {"mqtt", "link_program", NULL, STRING(link_program, "FILE"), .absent = "this program",
     .help = "the studio-agent whose processes hold the MQTT connections"},

    {"store", "data", "data", STRING(data, "DIR"), .initial = "studio-data", .check = check_not_empty,
     .help = "directory of the store; made if missing"},
    {"store", "url", NULL, STRING(store_url, "URL"), .secret = true, .check = check_store_url, .absent = "a file in store.data",
     .help = "postgresql://USER@HOST[,HOST]/NAME: the store is in that database, needs mqtt.agent_id"},
    {"store", "standby", NULL, BOOL(standby),
     .help = "wait for that database at the start if it is away, as a standby does; who starts second waits in any case"},
    {"store", "retention_events", NULL, INT(retention_events, 0, 1000000000, "1000000"),
     .help = "events kept for replay and history; 0 = no limit"},
    {"store", "retention_days", NULL, INT(retention_days, 0, 36500, "30"),
     .help = "days of a running agent events are kept; 0 = no limit"},
    {"store", "max_bytes", NULL, INT(max_bytes, 1048576, 1LL << 50, "8589934592"),
     .help = "size of the store: from there the oldest acknowledged events go, then updates are refused"},

    {"auth", "tokens", "tokens", STRING(tokens, "FILE|DIR"), .absent = "DATA/tokens",
     .help = "users, roles and token hashes: a file, or a directory of them (*.tokens)"},
    {"auth", "certificate_user", NULL, ENUM(certificate_user, certificate_users, "none"),
     .help = "what in a TLS client's certificate is its user id: the common name, or the URI studio:ID"},

    {"limits", "updates_per_second", NULL, INT(updates_per_second, 0, 1000000, "200"),
     .help = "messages per second of one user id, or MQTT client; 0 = no limit"},
    {"limits", "updates_burst", NULL, INT(updates_burst, 1, 1000000, "400"),
     .help = "messages one user id may send at once"},
    {"limits", "connections", NULL, INT(connections, 1, 1000000, "20000"),
     .help = "connections in all"},
    {"limits", "connections_per_id", NULL, INT(connections_per_id, 1, 1000000, "16"),
     .help = "connections of one user id"},
    {"limits", "auth_failures_per_minute", NULL, INT(auth_failures_per_minute, 1, 1000000, "60"),
     .help = "wrong logins per minute of one address or table before answers to them are delayed"},
    {"limits", "unauthenticated_per_address", NULL, INT(unauthenticated_per_address, 1, 1024, "64"),
     .help = "connections from one address that have not said who they are"},
    {"limits", "tables", NULL, INT(tables, 1, 1000000, "20000"),
     .help = "tables in all"},
    {"limits", "service_values", NULL, STRING(service_values, "NAME[,NAME...]"), .check = check_values,
     .help = "more values for SDP and IDP"},
    {"limits", "device_values", NULL, STRING(device_values, "NAME[,NAME...]"), .check = check_values,
     .help = "more values for the device fields"},

    {"metrics", "token", NULL, STRING(metrics_token, "TOKEN"), .secret = true, .check = check_token,
     .help = "Bearer token with which others than this machine see /metrics; better in token_file"},
    {"metrics", "token_file", NULL, STRING(metrics_token_file, "FILE"), .absent = "this machine only",
     .help = "file with that token"},
    {"metrics", "tables", NULL, INT(metrics_tables, 0, 2000, "200"),
     .help = "tables whose states are in /metrics, the first by name"},

    {"log", "level", "log-level", ENUM(log_level, log_levels, "info"),
     .help = "least important messages to log"},
    {"log", "format", "log-format", ENUM(log_format, log_formats, "text"),
     .help = "form of the lines on standard error"},
};
/* clang-format on */

const size_t option_count = sizeof options / sizeof options[0];

enum { NAMES_MAX = 64 };
static_assert(sizeof options / sizeof options[0] <= NAMES_MAX, "room for every name");

const struct option *option_find(const char *section, const char *key)
{
    for (size_t i = 0; i < option_count; i++) {
        if (strcmp(options[i].section, section) == 0 && strcmp(options[i].key, key) == 0)
            return &options[i];
    }
    return NULL;
}

const struct option *option_file_for(const struct option *option)
{
    char key[64];
    snprintf(key, sizeof key, "%s_file", option->key);
    return option_find(option->section, key);
}

const struct option *option_by_flag(const char *flag)
{
    for (size_t i = 0; i < option_count; i++) {
        if (options[i].flag && strcmp(options[i].flag, flag) == 0)
            return &options[i];
    }
    return NULL;
}

size_t option_index(const struct option *option)
{
    return (size_t)(option - options);
}

bool option_section_known(const char *section)
{
    for (size_t i = 0; i < option_count; i++) {
        if (strcmp(options[i].section, section) == 0)
            return true;
    }
    return false;
}

const char *option_nearest_section(const char *section)
{
    const char *names[NAMES_MAX];
    for (size_t i = 0; i < option_count; i++)
        names[i] = options[i].section;
    return text_nearest(section, names, option_count);
}

const char *option_nearest_key(const char *section, const char *key)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < option_count; i++) {
        if (strcmp(options[i].section, section) == 0)
            names[count++] = options[i].key;
    }
    return text_nearest(key, names, count);
}

void option_env_name(const struct option *option, char out[OPTION_ENV_MAX])
{
    snprintf(out, OPTION_ENV_MAX, "STUDIO_%s_%s", option->section, option->key);
    for (char *c = out; *c; c++)
        *c = (char)toupper((unsigned char)*c);
}

void option_values(const struct option *option, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = '\0';
    switch (option->type) {
    case OPTION_STRING:
        snprintf(out, cap, "%s", option->arg);
        break;
    case OPTION_BOOL:
        snprintf(out, cap, "yes|no");
        break;
    case OPTION_INT:
        snprintf(out, cap, "%" PRId64 "-%" PRId64, option->min, option->max);
        break;
    case OPTION_ENUM:
        for (const struct option_choice *c = option->choices; c->name && len < cap; c++)
            len += (size_t)snprintf(out + len, cap - len, "%s%s", len ? "|" : "", c->name);
        break;
    }
}
