#include "net/forwarded.h"

#include <string.h>
#include <strings.h>

/* One element of either header as an address: `1.2.3.4`, `1.2.3.4:567`, `for="[::1]:567";proto=http`.
 * False: none, like `unknown`. */
static bool element(const char *text, size_t len, char out[PEER_TEXT_MAX + 1])
{
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
    return address_is(out);
}

bool forwarded_for(const struct networks *trusted, const char *header, char out[PEER_TEXT_MAX + 1])
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
        if (start == 0 || !networks_have(trusted, address))
            return true;
        end = start - 1;
    }
}
