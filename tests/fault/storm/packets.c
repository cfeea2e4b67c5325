#include "fault/storm/packets.h"

#include <stdlib.h>
#include <string.h>

enum { PUBLISH = 3, PUBACK = 4, REFUSED = 0x80, LENGTH_MAX = 4 /* bytes of Remaining Length */ };

/* How every event begins. */
static const char mark[] = "{\"seq\":";

/* The length of the packet whose first bytes these are, 0 while they do not tell. */
static size_t length_of(const struct packets *p, size_t *header)
{
    size_t rest = 0;
    for (size_t i = 1; i < p->seen && i <= LENGTH_MAX; i++) {
        rest |= (size_t)(p->head[i] & 0x7f) << 7 * (i - 1);
        *header = i + 1;
        if (!(p->head[i] & 0x80))
            return *header + rest;
    }
    return 0;
}

static size_t number_at(const unsigned char *at)
{
    return (size_t)at[0] << 8 | at[1];
}

static bool ends_with(const unsigned char *topic, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len >= n && memcmp(topic + len - n, end, n) == 0;
}

static void read_publish(const unsigned char *at, const unsigned char *end, struct packet *out)
{
    size_t len = end - at >= 2 ? number_at(at) : 0;
    if ((size_t)(end - at) < len + 4 ||
        (!ends_with(at + 2, len, "/changes") && !ends_with(at + 2, len, "/exceptions")))
        return;
    const unsigned char *id = at + 2 + len;
    const char *event = memmem(id + 2, (size_t)(end - id - 2), mark, sizeof mark - 1);
    if (!event)
        return;
    out->kind = PACKET_EVENT;
    out->id = (uint16_t)number_at(id);
    out->seq = strtoull(event + sizeof mark - 1, NULL, 10); /* ends at the comma */
}

static struct packet read_packet(const struct packets *p)
{
    struct packet out = {.kind = PACKET_OTHER};
    size_t header = 0, kept = p->seen < PACKET_HEAD - 1 ? p->seen : PACKET_HEAD - 1;
    (void)length_of(p, &header);
    const unsigned char *at = p->head + header, *end = p->head + kept;
    if (p->head[0] >> 4 == PUBLISH) {
        read_publish(at, end, &out);
    } else if (p->head[0] >> 4 == PUBACK && end - at >= 2 && (end - at == 2 || at[2] < REFUSED)) {
        out.kind = PACKET_TAKEN;
        out.id = (uint16_t)number_at(at);
    }
    return out;
}

size_t packets_take(struct packets *p, const char *bytes, size_t len, bool *whole,
                    struct packet *packet)
{
    size_t header, n = 0;
    *whole = false;
    while (n < len && !*whole) {
        if (p->seen < PACKET_HEAD - 1) /* a NUL stays behind, for numbers */
            p->head[p->seen] = (unsigned char)bytes[n];
        n++;
        p->seen++;
        if (p->whole == 0)
            p->whole = length_of(p, &header);
        *whole = p->seen == p->whole;
    }
    if (*whole) {
        *packet = read_packet(p);
        p->seen = p->whole = 0;
    }
    return n;
}
