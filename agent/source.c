#include "source.h"

#include <stdio.h>

#include "studio/status.h"

static enum studio_err read_events(void *ctx, uint64_t from, uint64_t to, size_t limit,
                                   studio_event_fn *fn, void *fn_ctx)
{
    struct source *source = ctx;

    return store_read_events(source->reader, from, to, limit, fn, fn_ctx);
}

static enum studio_err read_changes(void *ctx, const char *table_id, uint64_t from_rev,
                                    uint64_t after_seq, size_t limit, studio_event_fn *fn,
                                    void *fn_ctx)
{
    struct source *source = ctx;

    return store_read_changes(source->reader, table_id, from_rev, after_seq, limit, fn, fn_ctx);
}

static enum studio_err oldest(void *ctx, uint64_t *seq)
{
    struct source *source = ctx;

    return store_read_oldest(source->reader, seq);
}

static enum studio_err oldest_rev(void *ctx, const char *table_id, bool *found, uint64_t *rev,
                                  uint64_t *seq)
{
    struct source *source = ctx;

    return store_read_oldest_rev(source->reader, table_id, found, rev, seq);
}

static enum studio_err cleared(void *ctx, bridge_cleared_fn *fn, void *fn_ctx)
{
    struct source *source = ctx;

    return store_read_cleared(source->reader, fn, fn_ctx);
}

static void clearing_done(void *ctx, const char *table_id, uint64_t rev)
{
    struct source *source = ctx;

    committer_cleared(source->committer, table_id, rev);
}

static void acked(void *ctx, uint64_t seq)
{
    struct source *source = ctx;

    committer_acked(source->committer, seq);
}

static void parked(void *ctx, uint64_t seq, const char *reason)
{
    struct source *source = ctx;

    committer_park(source->committer, seq, reason);
}

static void memo(void *ctx, const char *text)
{
    struct source *source = ctx;

    committer_memo(source->committer, text);
}

static bool owned(void *ctx)
{
    const struct source *source = ctx;

    return committer_owned(source->committer);
}

static bool command(void *ctx, struct bridge_command *cmd)
{
    struct source *source = ctx;

    return inbox_put(source->inbox, source->bridge, cmd);
}

struct bridge_source source_ops(struct source *source)
{
    return (struct bridge_source){
        .ctx = source,
        .figures = source->figures,
        .read = read_events,
        .read_changes = read_changes,
        .oldest = oldest,
        .oldest_rev = oldest_rev,
        .cleared = cleared,
        .clearing_done = clearing_done,
        .acked = acked,
        .parked = parked,
        .memo = memo,
        .owned = owned,
        .command = command,
    };
}

void source_limits(const struct studio_agent_config *config, char out[SOURCE_LIMITS_MAX])
{
    snprintf(out, SOURCE_LIMITS_MAX,
             "\"limits\":{\"message_bytes\":%d,\"custom_fields\":%d,\"custom_value_bytes\":%d,"
             "\"updates_per_second\":%lld,\"connections\":%lld,\"tables\":%lld}",
             STUDIO_MESSAGE_MAX, STUDIO_CUSTOM_FIELDS_MAX, STUDIO_CUSTOM_VALUE_MAX,
             (long long)config->updates_per_second, (long long)config->connections,
             (long long)config->tables);
}

struct bridge_config source_settings(const struct studio_agent_config *config)
{
    return (struct bridge_config){
        .brokers = config->broker,
        .agent_id = config->agent_id,
        .topic_root = config->topic_root,
        .mqtt_version = (int)config->mqtt_version,
        .username = config->username,
        .password = config->password,
        .password_file = config->password_file,
        .command_username = config->command_username,
        .command_password = config->command_password,
        .command_password_file = config->command_password_file,
        .ca_file = config->ca_file,
        .cert_file = config->cert,
        .key_file = config->key,
        .link_program = config->link_program ? config->link_program : STUDIO_PROGRAM,
        .keepalive_s = (unsigned)config->keepalive_s,
        .session_expiry_s = (unsigned)config->session_expiry_s,
        .republish_spread_s = (unsigned)config->republish_spread_s,
        .shared_root = config->shared_root,
        .topic_escape = config->topic_escape,
    };
}

enum studio_err source_open_bridge(struct source *source, const struct studio_agent_config *config,
                                   struct bridge **out, struct studio_error *error)
{
    const struct bridge_source ops = source_ops(source);
    const struct store_info *store = source->store;
    struct bridge_config bridge = source_settings(config);

    bridge.agent_id = store->agent_id;
    bridge.lists = source->lists;
    bridge.epoch = store->epoch;
    bridge.boot = store->boot;
    bridge.acked = store->acked;
    bridge.committed = store->last_seq;
    bridge.parked = store->parked;
    bridge.memo = store->memo;
    bridge.info = source->limits;
    enum studio_err err = bridge_create(&bridge, &ops, source->clock, out, error);
    source->bridge = *out;
    return err;
}
