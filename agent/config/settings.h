/*
 * settings.h - what struct studio_agent_config of studio/agent.h is: the options as values.
 */
#ifndef AGENT_CONFIG_SETTINGS_H
#define AGENT_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "studio/agent.h"

/* How the net thread waits for sockets. */
enum event_loop { LOOP_AUTO, LOOP_LIBEV, LOOP_POLL };

/* What in the certificate of a TLS client stands for its user id. */
enum certificate_user { CERTIFICATE_USER_NONE, CERTIFICATE_USER_CN, CERTIFICATE_USER_URI };

/* Strings are owned by the struct; NULL means not set. Changed only by studio_agent_config_set and
 * its like. */
struct studio_agent_config {
    /* [websocket] */
    char *listen; /* addresses, see listen.h */
    char *tls_cert, *tls_key, *tls_client_ca;
    int64_t event_loop;      /* enum event_loop */
    int64_t auth_timeout_s;  /* for the first message of one who authenticates by message */
    int64_t ping_after_s;    /* of silence */
    int64_t ping_grace_s;    /* for any frame after the ping */
    int64_t write_timeout_s; /* a client that does not read, or to the end of its message */
    char *trusted_proxies;   /* NULL: nobody speaks for others */
    bool proxy_protocol;     /* they do it with the PROXY protocol */
    char *origins;           /* NULL: pages of the agent's own address only */
    /* [mqtt] */
    char *broker;         /* URI[,URI...]; NULL: a status server only */
    char *agent_id;       /* NULL: the one kept in the store */
    char *topic_root;     /* */
    int64_t mqtt_version; /* 5 or 4 (3.1.1) */
    char *username;       /* one for all brokers, or one for each, separated by commas */
    char *password;       /* from the environment or a file; never on the command line */
    char *password_file;  /* one line for all brokers, or one line for each */
    char *command_username, *command_password, *command_password_file; /* NULL: as above */
    char *user_files; /* directory of a Mosquitto's, for `user add`; NULL: none here */
    char *ca_file;    /* for ssl:// brokers */
    char *cert, *key; /* ours, if a broker wants one; the key may be in the certificate's file */
    int64_t keepalive_s;
    int64_t session_expiry_s;   /* of the command session */
    int64_t republish_spread_s; /* over which what is retained is published again */
    int64_t max_backlog;        /* events */
    bool create_tables;         /* by MQTT commands */
    bool shared_root;           /* several agents under one root: silence on unknown tables */
    bool topic_escape;          /* names are written with %2E, %20, %25 in topics */
    char *link_program;         /* runs the MQTT connections; NULL: as installed */
    /* [store] */
    char *data;      /* directory */
    char *store_url; /* of a PostgreSQL database, a secret; NULL: the store is in `data` */
    bool standby;    /* it waits also for a database that is away */
    int64_t retention_events;
    int64_t retention_days;
    int64_t max_bytes;
    /* [auth] */
    char *tokens;             /* file; NULL: <data>/tokens */
    int64_t certificate_user; /* enum certificate_user */
    /* [limits] */
    int64_t updates_per_second, updates_burst; /* 0 per second = no limit */
    int64_t connections, connections_per_id, auth_failures_per_minute, tables;
    int64_t unauthenticated_per_address;
    char *service_values, *device_values; /* added to the built-in lists */
    /* [metrics] */
    char *metrics_token, *metrics_token_file; /* NULL: this machine alone may see them */
    int64_t metrics_tables;                   /* whose states are told */
    /* [log] */
    int64_t log_level;        /* enum log_level */
    int64_t log_format;       /* enum log_format */
    studio_agent_log_fn *log; /* instead of lines on standard error; NULL: those */
    void *log_ctx;
    /* of the program alone */
    const struct service *service; /* who started it; NULL: nobody who is to be told */
    const struct handed *handed;   /* sockets for websocket.listen; NULL: they are opened */
};

#endif
