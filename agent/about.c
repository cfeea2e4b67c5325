#include "about.h"

#include "base/figures.h"
#include "base/json.h"
#include "base/log.h"
#include "bridge/announce.h"
#include "config/exposure.h"
#include "source.h"
#include "studio/version.h"

void about_log(const struct source *source)
{
    log_info("agent", "studio-agent %s, agent %s, epoch %s, boot %llu, %llu tables, seq %llu",
             STUDIO_VERSION, source->store->agent_id, source->store->epoch,
             (unsigned long long)source->store->boot,
             (unsigned long long)figure_get(&source->figures->tables),
             (unsigned long long)figure_get(&source->figures->seq));
}

static void log_warning(void *ctx, const char *what)
{
    (void)ctx;
    log_warn("agent", "%s", what);
}

void about_warn(const struct studio_agent_config *config, struct figures *figures)
{
    figure_set(&figures->exposed, config_exposed(config));
    config_warnings(config, log_warning, NULL);
}

/* Without a broker every event counts as acknowledged, and nothing waits. */
static void print_health(const struct source *source, struct buf *out)
{
    const struct announce_health health = {
        .now_ms = clock_wall(source->clock),
        .agent = source->figures,
        .acked = figure_get(&source->figures->seq),
        .parked = {.events = source->store->parked},
        .broker = "",
        .commands = "off",
        .uncarried = "[]",
    };

    announce_health(out, &health);
}

static void print_ownership(const struct source *source, struct buf *out)
{
    char standby[STORE_OWNER_MAX + 1];

    json_text(out, "owner", source->store->owner);
    committer_standby(source->committer, standby);
    if (standby[0])
        json_text(out, "standby", standby);
}

void about_print(void *ctx, struct buf *out)
{
    const struct source *source = ctx;

    buf_str(out, "{\"info\":");
    announce_info(out, source->lists, source->store->agent_id, source->store->epoch,
                  (int64_t)figure_get(&source->figures->started), source->limits);
    buf_str(out, ",\"health\":");
    if (source->bridge)
        bridge_print_health(source->bridge, out);
    else
        print_health(source, out);
    buf_str(out, ",\"shared\":");
    buf_str(out, source->shared ? "true" : "false");
    if (source->shared)
        print_ownership(source, out);
    buf_str(out, "}");
}
