#include "base/networks.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* False: no address. */
static bool parse(const char *text, unsigned char out[16])
{
    memcpy(out, mapped, sizeof(mapped));
    return inet_pton(AF_INET, text, out + sizeof(mapped)) == 1 ||
           inet_pton(AF_INET6, text, out) == 1;
}

static bool parse_network(const char *text, size_t len, struct network *out)
{
    char address[PEER_TEXT_MAX + 1];
    const char *slash = memchr(text, '/', len);
    size_t n = slash ? (size_t)(slash - text) : len;
    bool v4;

    if (n == 0 || n > PEER_TEXT_MAX)
        return false;
    memcpy(address, text, n);
    address[n] = '\0';
    v4 = strchr(address, ':') == NULL;
    if (!parse(address, out->address))
        return false;
    out->bits = v4 ? 32 : 128;
    if (slash) {
        size_t digits = len - n - 1;
        if (digits == 0 || digits > 3 || strspn(slash + 1, "0123456789") < digits)
            return false;
        unsigned long bits = strtoul(slash + 1, NULL, 10);
        if (bits > out->bits)
            return false;
        out->bits = (unsigned)bits;
    }
    out->bits += v4 ? 96 : 0;
    return true;
}

const char *networks_parse(const char *text, struct networks *out)
{
    out->count = 0;
    while (text && *text) {
        const char *part;
        size_t len;

        text = text_part(text, &part, &len);
        if (out->count == NETWORKS_MAX)
            return "at most 32 addresses or networks";
        if (!parse_network(part, len, &out->list[out->count++]))
            return "expected addresses or networks like 10.0.0.7 or 10.0.0.0/8 or fd00::/8, "
                   "separated by commas";
    }
    return NULL;
}

static bool in_network(const struct network *network, const unsigned char address[16])
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;

    return memcmp(network->address, address, whole) == 0 &&
           (rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

bool networks_have(const struct networks *networks, const char *address)
{
    unsigned char bytes[16];

    if (!parse(address, bytes))
        return false;
    for (size_t i = 0; i < networks->count; i++)
        if (in_network(&networks->list[i], bytes))
            return true;
    return false;
}

bool address_is(const char *text)
{
    unsigned char bytes[16];

    return parse(text, bytes);
}

bool address_is_here(const char *text)
{
    static const struct networks here = {
        .list = {{{[10] = 0xff, 0xff, 127}, 96 + 8}, {{[15] = 1}, 128}},
        .count = 2,
    };

    return networks_have(&here, text);
}

void address_tidy(char address[PEER_TEXT_MAX + 1])
{
    unsigned char bytes[16];

    if (parse(address, bytes) && memcmp(bytes, mapped, sizeof(mapped)) == 0)
        inet_ntop(AF_INET, bytes + sizeof(mapped), address, PEER_TEXT_MAX + 1);
}

void peer_name(const char *address, char out[PEER_TEXT_MAX + 1])
{
    unsigned char bytes[16];

    snprintf(out, PEER_TEXT_MAX + 1, "%s", address);
    address_tidy(out);
    if (inet_pton(AF_INET6, out, bytes) == 1) {
        memset(bytes + 8, 0, 8);
        inet_ntop(AF_INET6, bytes, out, PEER_TEXT_MAX + 1);
    }
}
