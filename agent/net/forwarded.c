#include "net/forwarded.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

const char *trusted_parse(const char *text, struct trusted *out)
{
    out->count = 0;
    while (text && *text) {
        size_t len = strcspn(text, ",");
        if (out->count == TRUSTED_MAX)
            return "at most 32 addresses or networks";
        if (!parse_network(text, len, &out->list[out->count++]))
            return "expected addresses or networks like 10.0.0.7 or 10.0.0.0/8 or fd00::/8, "
                   "separated "
                   "by commas without blanks";
        text += len + (text[len] == ',');
    }
    return NULL;
}

static bool in_network(const struct network *network, const unsigned char address[16])
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;

    return memcmp(network->address, address, whole) == 0 &&
           (rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

bool trusted_has(const struct trusted *trusted, const char *address)
{
    unsigned char bytes[16];

    if (!parse(address, bytes))
        return false;
    for (size_t i = 0; i < trusted->count; i++)
        if (in_network(&trusted->list[i], bytes))
            return true;
    return false;
}

/* One element of either header as an address: `1.2.3.4`, `1.2.3.4:567`, `for="[::1]:567";proto=http`.
 * False: none, like `unknown`. */
static bool element(const char *text, size_t len, char out[PEER_TEXT_MAX + 1])
{
    unsigned char bytes[16];
    size_t n;

    for (size_t i = 0; i + 4 <= len; i++) /* the pair `for=` of Forwarded, wherever it stands */
        if (strncasecmp(text + i, "for=", 4) == 0) {
            text += i + 4;
            len -= i + 4;
            break;
        }
    while (len > 0 && strchr(" \t\"[", *text)) {
        text++;
        len--;
    }
    n = 0;
    while (n < len && !strchr(" \t\"];,", text[n]))
        n++;
    if (n == 0 || n > PEER_TEXT_MAX)
        return false;
    memcpy(out, text, n);
    out[n] = '\0';
    char *colon = strchr(out, ':');
    if (colon && !strchr(colon + 1, ':')) /* of a port behind an IPv4 address */
        *colon = '\0';
    return parse(out, bytes);
}

bool forwarded_for(const struct trusted *trusted, const char *header, char out[PEER_TEXT_MAX + 1])
{
    size_t end = strlen(header);
    char address[PEER_TEXT_MAX + 1];
    bool found = false;

    for (;;) { /* from the end: what stands before an element was written by it, or earlier */
        size_t start = end;
        while (start > 0 && header[start - 1] != ',')
            start--;
        if (!element(header + start, end - start, address))
            return found;
        memcpy(out, address, sizeof(address));
        found = true;
        if (start == 0 || !trusted_has(trusted, address))
            return true;
        end = start - 1;
    }
}

void peer_name(const char *address, char out[PEER_TEXT_MAX + 1])
{
    unsigned char bytes[16];

    if (!parse(address, bytes)) {
        snprintf(out, PEER_TEXT_MAX + 1, "%s", address);
    } else if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
        inet_ntop(AF_INET, bytes + sizeof(mapped), out, PEER_TEXT_MAX + 1);
    } else {
        memset(bytes + 8, 0, 8);
        inet_ntop(AF_INET6, bytes, out, PEER_TEXT_MAX + 1);
    }
}
