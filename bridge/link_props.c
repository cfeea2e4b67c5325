#include "link_props.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void add(struct props *props, MQTTProperty property)
{
    props->list[props->all.count++] = property;
}

static void add_text(struct props *props, enum MQTTPropertyCodes code, const char *text, size_t len)
{
    add(props, (MQTTProperty){.identifier = code,
                              .value.data = {.len = (int)len, .data = (char *)(uintptr_t)text}});
}

static void add_user(struct props *props, const char *name, const char *value)
{
    add(props, (MQTTProperty){
                   .identifier = MQTTPROPERTY_CODE_USER_PROPERTY,
                   .value.data = {.len = (int)strlen(name), .data = (char *)(uintptr_t)name},
                   .value.value = {.len = (int)strlen(value), .data = (char *)(uintptr_t)value}});
}

static void begin(struct props *props)
{
    props->all = (MQTTProperties){.array = props->list, .max_count = PROPS_MAX};
}

void props_of_message(struct props *props, const struct link_message *m, const char *agent_id,
                      const char *epoch)
{
    const char *type = m->plain ? "text/plain" : "application/json";

    begin(props);
    add(props,
        (MQTTProperty){.identifier = MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR, .value.byte = 1});
    add_text(props, MQTTPROPERTY_CODE_CONTENT_TYPE, type, strlen(type));
    add_user(props, "agent", agent_id);
    add_user(props, "epoch", epoch);
    if (m->seq) {
        snprintf(props->seq, sizeof(props->seq), "%llu", (unsigned long long)m->seq);
        add_user(props, "seq", props->seq);
    }
    if (m->expiry_s)
        add(props, (MQTTProperty){.identifier = MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL,
                                  .value.integer4 = m->expiry_s});
    if (m->correlation)
        add_text(props, MQTTPROPERTY_CODE_CORRELATION_DATA, m->correlation, m->correlation_len);
}

void props_of_connect(struct props *props, const struct link_target *target)
{
    begin(props);
    add(props, (MQTTProperty){.identifier = MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE,
                              .value.integer4 = LINK_COMMAND_MAX});
    /* At our own limit no PINGRESP would be read either. */
    add(props, (MQTTProperty){.identifier = MQTTPROPERTY_CODE_RECEIVE_MAXIMUM,
                              .value.integer2 = LINK_COMMANDS_MAX - 1});
    if (target->session_expiry_s > 0)
        add(props, (MQTTProperty){.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
                                  .value.integer4 = target->session_expiry_s});
}

unsigned props_number(const MQTTProperties *properties, enum MQTTPropertyCodes code,
                      unsigned otherwise)
{
    MQTTProperties *p = (MQTTProperties *)(uintptr_t)properties; /* the library only reads */

    if (!MQTTProperties_hasProperty(p, code))
        return otherwise;
    return (unsigned)MQTTProperties_getNumericValue(p, code);
}
