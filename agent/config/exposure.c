#include "config/exposure.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/networks.h"
#include "config/listen.h"
#include "config/settings.h"

enum { WARNING_MAX = 512 };

static bool is_here(const char *host)
{
    struct networks here;

    return strcasecmp(host, "localhost") == 0 ||
           (!networks_parse("127.0.0.0/8,::1", &here) && networks_have(&here, host));
}

/* The first address that is open to the network and speaks no TLS, in *out. False: there is none. */
static bool open_address(const struct studio_agent_config *config, struct listen_at *out)
{
    struct listen_list list;

    (void)listen_parse(config->listen, config->tls_cert != NULL, &list);
    for (size_t i = 0; i < list.count; i++) {
        *out = list.at[i];
        if (out->kind == LISTEN_PLAIN && !is_here(out->where))
            return true;
    }
    return false;
}

bool config_exposed(const struct studio_agent_config *config)
{
    struct listen_at ignored;

    return open_address(config, &ignored);
}

/* The first broker that a password goes to for everybody to read; its length in *len, 0: there is none. */
static const char *clear_broker(const struct studio_agent_config *config, size_t *len)
{
    static const char *const clear[] = {"mqtt://", "tcp://"};
    bool password = config->password || config->password_file;

    for (const char *uri = config->broker; password && uri && *uri;
         uri += *len + (uri[*len] == ',')) {
        *len = strcspn(uri, ",");
        for (size_t i = 0; i < sizeof clear / sizeof clear[0]; i++) {
            char host[ADDRESS_HOST_MAX + 1];
            size_t skip = strlen(clear[i]);
            if (strncmp(uri, clear[i], skip) != 0)
                continue;
            bool bracket = uri[skip] == '[';
            skip += bracket;
            snprintf(host, sizeof host, "%.*s", (int)strcspn(uri + skip, bracket ? "]" : ":,"),
                     uri + skip);
            if (!is_here(host))
                return uri;
        }
    }
    *len = 0;
    return NULL;
}

void config_warnings(const struct studio_agent_config *config, config_warning_fn *tell, void *ctx)
{
    struct listen_at open;
    char what[WARNING_MAX];
    size_t len;
    const char *broker = clear_broker(config, &len);

    if (open_address(config, &open)) {
        bool v6 = strchr(open.where, ':') != NULL;

        snprintf(
            what, sizeof what,
            "NO TLS: websocket.listen %s%.64s%s:%u is open to the network, and whoever is on the "
            "way reads tokens and updates; %s",
            v6 ? "[" : "", open.where, v6 ? "]" : "", open.port,
            config->tls_cert ? "make it wss://, or leave it to this machine: ws://localhost"
                             : "listen on localhost behind a proxy that speaks TLS, or set "
                               "websocket.tls_cert and websocket.tls_key");
        tell(ctx, what);
    }
    if (broker) {
        snprintf(
            what, sizeof what,
            "NO TLS: whoever is on the way to the broker %.*s reads mqtt.password; use mqtts://",
            (int)len, broker);
        tell(ctx, what);
    }
}
