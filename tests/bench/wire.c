/* wire.c - two ways to say the same. */
#include "bench/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/deadline.h"
#include "support/tokens.h"

size_t wire_frame(unsigned char *out, unsigned char opcode, const void *data, size_t len)
{
    static const unsigned char mask[4] = {0x5a, 0xc3, 0x17, 0x9e};
    size_t head = len < 126 ? 2 : 4;
    if (head + 4 + len > WIRE_MAX)
        test_fail("a frame of %zu bytes", len);
    out[0] = (unsigned char)(0x80 | opcode);
    out[1] = (unsigned char)(0x80 | (len < 126 ? len : 126));
    out[2] = (unsigned char)(len >> 8); /* the mask's place when the length is short */
    out[3] = (unsigned char)len;
    memcpy(out + head, mask, sizeof mask);
    for (size_t i = 0; i < len; i++)
        out[head + 4 + i] = (unsigned char)(((const unsigned char *)data)[i] ^ mask[i % 4]);
    return head + 4 + len;
}

size_t wire_head(const unsigned char *at, size_t len, size_t *size)
{
    if (len < 2)
        return 0;
    size_t head = 2;
    *size = at[1];
    if (*size == 126) {
        head = 4;
        if (len < head)
            return 0;
        *size = (size_t)at[2] << 8 | at[3];
    } else if (*size > 126) {
        test_fail("a masked frame, or one over 64 KiB");
    }
    return len < head + *size ? 0 : head;
}

size_t wire_request(const struct wire *wire, char *out, const struct wire_client *client)
{
    char who[128] = "";
    if (client->board)
        snprintf(who, sizeof who, "?id=OFFICE_%s&token=" TOKEN_VIEWER, client->device);
    else if (wire->by_address)
        snprintf(who, sizeof who, "?id=%s_%s&token=" TOKEN_DEVICE "%s", client->table,
                 client->device, client->watches ? "&subscribe=FAN-001" : "");
    int n = snprintf(out, WIRE_REQUEST_MAX,
                     "GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                     who, wire->headers);
    return (size_t)n;
}

size_t wire_board(unsigned char *out)
{
    static const char text[] = "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"],"
                               "\"presence\":true,\"interval_ms\":100}}";
    return wire_frame(out, 1, text, sizeof text - 1);
}

static bool starts_with(const unsigned char *text, size_t len, const char *start)
{
    size_t n = strlen(start);
    return len >= n && memcmp(text, start, n) == 0;
}

/* --- the protocol ---------------------------------------------------------------------------- */

static size_t studio_hello(unsigned char *out, const struct wire_client *client)
{
    (void)out;
    (void)client;
    return 0;
}

static size_t studio_update(unsigned char *out, const struct wire_client *client, uint64_t k,
                            bool custom)
{
    static const char *const updates[2] = {"{\"sdp\":\"standby\",\"roulette\":\"up\"}",
                                           "{\"sdp\":\"up\",\"roulette\":\"down\"}"};
    const char *text = custom ? "{\"sdp\":\"up\",\"LAMP\":\"green\"}" : updates[k & 1];
    (void)client;
    return wire_frame(out, 1, text, strlen(text));
}

/* Python puts blanks into its JSON. */
static size_t studio_heard(const unsigned char *at, size_t len, const struct wire_client *client,
                           bool ready, enum wire_said *said, uint64_t *rev)
{
    static const char key[] = "\"UPTIME\":";
    (void)client;
    *said = WIRE_BAD;
    if (!ready) {
        const unsigned char *found = memmem(at, len, key, sizeof key - 1);
        if (found) {
            *rev = strtoull((const char *)found + sizeof key - 1, NULL, 10);
            *said = WIRE_READY;
        }
    } else if (starts_with(at, len, "{\"event\":")) {
        *said = WIRE_PUSH;
    } else if (starts_with(at, len, "{\"status\":\"updated\"") ||
               starts_with(at, len, "{\"status\": \"updated\"")) {
        *said = WIRE_ANSWER;
    }
    return len;
}

const struct wire wire_studio = {"", true, studio_hello, studio_update, studio_heard};

/* --- MQTT ------------------------------------------------------------------------------------ */

enum { CONNECT = 0x10, CONNACK = 0x20, PUBLISH = 0x30, PUBLISH_QOS_1 = 0x32, PUBACK = 0x40 };
enum { SUBSCRIBE = 0x82, SUBACK = 0x90, PACKET_MAX = 240 };

struct packet {
    size_t len;
    unsigned char bytes[PACKET_MAX];
};

static void put(struct packet *p, const void *bytes, size_t len)
{
    if (p->len + len > PACKET_MAX)
        test_fail("an MQTT packet of over %d bytes", PACKET_MAX);
    memcpy(p->bytes + p->len, bytes, len);
    p->len += len;
}

static void put_text(struct packet *p, const char *text)
{
    size_t len = strlen(text);
    put(p, (const unsigned char[]){0, (unsigned char)len}, 2);
    put(p, text, len);
}

/* With its fixed header, behind what is in `out` already. */
static void put_packet(struct packet *out, unsigned char type, const struct packet *body)
{
    unsigned char head[3] = {type, (unsigned char)body->len, 1};
    if (body->len > 127)
        head[1] = (unsigned char)(0x80 | (body->len & 0x7f));
    put(out, head, body->len > 127 ? 3 : 2);
    put(out, body->bytes, body->len);
}

static size_t mqtt_hello(unsigned char *out, const struct wire_client *client)
{
    struct packet all = {0}, connect = {0}, subscribe = {0};
    char id[64];
    snprintf(id, sizeof id, "%s_%s", client->table, client->device);
    put_text(&connect, "MQTT");
    put(&connect, "\x04\x02\0\0", 4); /* a clean session, no keep-alive */
    put_text(&connect, id);
    put_packet(&all, CONNECT, &connect);
    if (client->watches) {
        put(&subscribe, "\0\1", 2);
        put_text(&subscribe, "studio/tables/FAN-001/changes");
        put(&subscribe, "\0", 1);
        put_packet(&all, SUBSCRIBE, &subscribe);
    }
    return wire_frame(out, 2, all.bytes, all.len);
}

/* An event as the agent's, as far as the listener looks at it. */
static size_t mqtt_update(unsigned char *out, const struct wire_client *client, uint64_t k,
                          bool custom)
{
    struct packet all = {0}, publish = {0};
    char topic[64], text[128];
    uint16_t id = (uint16_t)(k % UINT16_MAX + 1);
    (void)custom;
    snprintf(topic, sizeof topic, "studio/tables/%s/changes", client->table);
    int len =
        snprintf(text, sizeof text,
                 "{\"table_id\":\"%s\",\"rev\":%llu,\"changes\":{\"SDP\":[\"standby\",\"up\"],"
                 "\"ROULETTE\":[\"up\",\"down\"]}}",
                 client->table, (unsigned long long)k);
    put_text(&publish, topic);
    put(&publish, (const unsigned char[]){(unsigned char)(id >> 8), (unsigned char)id}, 2);
    put(&publish, text, (size_t)len);
    put_packet(&all, PUBLISH_QOS_1, &publish);
    return wire_frame(out, 2, all.bytes, all.len);
}

static size_t mqtt_heard(const unsigned char *at, size_t len, const struct wire_client *client,
                         bool ready, enum wire_said *said, uint64_t *rev)
{
    size_t head = len > 2 && at[1] & 0x80 ? 3 : 2;
    size_t size =
        len < head ? len + 1 : head + (at[1] & 0x7fU) + (head == 3 ? (size_t)at[2] << 7 : 0);
    *said = WIRE_BAD;
    if (size > len)
        return len;
    switch (at[0] & 0xf0) {
    case CONNACK:
        *said = at[3] != 0 ? WIRE_BAD : client->watches ? WIRE_NOTHING : WIRE_READY;
        break;
    case SUBACK:
        *said = ready ? WIRE_NOTHING : WIRE_READY;
        break;
    case PUBACK:
        *said = WIRE_ANSWER;
        break;
    case PUBLISH:
        *said = WIRE_PUSH;
        break;
    default:
        break;
    }
    *rev = 0;
    return size;
}

const struct wire wire_mqtt = {"Sec-WebSocket-Protocol: mqtt\r\n", false, mqtt_hello, mqtt_update,
                               mqtt_heard};
