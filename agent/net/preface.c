#include "net/preface.h"

#include <arpa/inet.h>
#include <string.h>

/* --- version 1: a line of text --------------------------------------------------------------- */

enum { LINE_MAX_1 = 107 };

static const char word_1[] = "PROXY ";

/* The next word of a line up to a blank; at most PEER_TEXT_MAX characters. False: there is none. */
static bool next_word(const char **at, const char *end, char out[PEER_TEXT_MAX + 1])
{
    const char *blank = memchr(*at, ' ', (size_t)(end - *at));
    size_t len = (size_t)((blank ? blank : end) - *at);

    if (len == 0 || len > PEER_TEXT_MAX)
        return false;
    memcpy(out, *at, len);
    out[len] = '\0';
    *at = blank ? blank + 1 : end;
    return true;
}

static bool port_is(const char *text)
{
    size_t len = strlen(text);

    return len <= 5 && strspn(text, "0123456789") == len;
}

/* `TCP4 SOURCE DESTINATION PORT PORT`, or `UNKNOWN` and anything. */
static enum preface read_words(const char *at, const char *end, char peer[PEER_TEXT_MAX + 1])
{
    char family[PEER_TEXT_MAX + 1], word[PEER_TEXT_MAX + 1];
    unsigned char bytes[16];
    int af = AF_UNSPEC;

    peer[0] = '\0';
    if (!next_word(&at, end, family))
        return PREFACE_WRONG;
    if (strcmp(family, "UNKNOWN") == 0)
        return PREFACE_WHOLE;
    if (strcmp(family, "TCP4") == 0)
        af = AF_INET;
    else if (strcmp(family, "TCP6") == 0)
        af = AF_INET6;
    if (af == AF_UNSPEC || !next_word(&at, end, peer) || inet_pton(af, peer, bytes) != 1 ||
        !next_word(&at, end, word) || inet_pton(af, word, bytes) != 1)
        return PREFACE_WRONG;
    for (int i = 0; i < 2; i++)
        if (!next_word(&at, end, word) || !port_is(word))
            return PREFACE_WRONG;
    return at == end && end[-1] != ' ' ? PREFACE_WHOLE : PREFACE_WRONG;
}

static enum preface read_1(const char *text, size_t len, size_t *used, char peer[PEER_TEXT_MAX + 1])
{
    size_t begin = sizeof(word_1) - 1, seen = len < LINE_MAX_1 ? len : LINE_MAX_1;
    const char *newline = memchr(text, '\n', seen);

    if (memcmp(text, word_1, len < begin ? len : begin) != 0)
        return PREFACE_WRONG;
    if (!newline)
        return len < LINE_MAX_1 ? PREFACE_MORE : PREFACE_WRONG;
    if (newline < text + begin || newline[-1] != '\r')
        return PREFACE_WRONG;
    *used = (size_t)(newline + 1 - text);
    return read_words(text + begin, newline - 1, peer);
}

/* --- version 2: bytes ------------------------------------------------------------------------ */

enum { HEAD_2 = 16, COMMAND_2 = 12, FAMILY_2 = 13, LENGTH_2 = 14, LOCAL = 0x20, PROXY = 0x21 };

static const unsigned char sign_2[COMMAND_2] = "\r\n\r\n\0\r\nQUIT\n";

/* What is carried over: the kind of address, how many bytes both addresses and ports have. */
static const struct {
    unsigned char family;
    int af;
    size_t size;
} families[] = {{0x11, AF_INET, 12}, {0x21, AF_INET6, 36}};

static enum preface read_2(const unsigned char *bytes, size_t len, size_t *used,
                           char peer[PEER_TEXT_MAX + 1])
{
    size_t size;

    peer[0] = '\0';
    if (memcmp(bytes, sign_2, len < COMMAND_2 ? len : COMMAND_2) != 0)
        return PREFACE_WRONG;
    if (len < HEAD_2)
        return PREFACE_MORE;
    size = (size_t)bytes[LENGTH_2] << 8 | bytes[LENGTH_2 + 1];
    *used = HEAD_2 + size;
    if ((bytes[COMMAND_2] != LOCAL && bytes[COMMAND_2] != PROXY) || *used > PREFACE_MAX)
        return PREFACE_WRONG;
    if (len < *used)
        return PREFACE_MORE;
    for (size_t i = 0; bytes[COMMAND_2] == PROXY && i < sizeof(families) / sizeof(*families); i++) {
        if (families[i].family != bytes[FAMILY_2])
            continue;
        if (size < families[i].size)
            return PREFACE_WRONG;
        inet_ntop(families[i].af, bytes + HEAD_2, peer, PEER_TEXT_MAX + 1);
    }
    return PREFACE_WHOLE;
}

enum preface preface_read(const unsigned char *bytes, size_t len, size_t *used,
                          char peer[PEER_TEXT_MAX + 1])
{
    enum preface preface;

    if (len == 0)
        return PREFACE_MORE;
    preface = bytes[0] == sign_2[0] ? read_2(bytes, len, used, peer)
                                    : read_1((const char *)bytes, len, used, peer);
    if (preface == PREFACE_WHOLE)
        address_tidy(peer);
    return preface;
}
