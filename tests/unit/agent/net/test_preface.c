#include "net/preface.h"

#include <string.h>

#include "support/cmocka_all.h"

static unsigned char bytes[PREFACE_MAX + 64];
static size_t len;

static void begin(const char *text, size_t n)
{
    memcpy(bytes, text, n);
    len = n;
}

#define BEGIN(text) begin(text, sizeof(text) - 1)

/* A header of version 2: its command, family, and what follows them. */
static void begin_2(unsigned char command, unsigned char family, const void *rest, size_t n)
{
    BEGIN("\r\n\r\n\0\r\nQUIT\n");
    bytes[len++] = command;
    bytes[len++] = family;
    bytes[len++] = (unsigned char)(n >> 8);
    bytes[len++] = (unsigned char)n;
    memcpy(bytes + len, rest, n);
    len += n;
}

/* It is whole where it ends, and every part of it may still become one. */
static void expect_whole(const char *peer)
{
    char found[PEER_TEXT_MAX + 1] = "?";
    size_t used = 0, whole = len;

    memcpy(bytes + len, "GET /", 5);
    assert_int_equal(preface_read(bytes, len + 5, &used, found), PREFACE_WHOLE);
    assert_int_equal(used, whole);
    assert_string_equal(found, peer);
    assert_int_equal(preface_read(bytes, whole, &used, found), PREFACE_WHOLE);
    for (size_t n = 0; n < whole; n++)
        assert_int_equal(preface_read(bytes, n, &used, found), PREFACE_MORE);
}

static void expect_wrong(void)
{
    char found[PEER_TEXT_MAX + 1];
    size_t used;

    if (preface_read(bytes, len, &used, found) != PREFACE_WRONG)
        fail_msg("taken: %.*s", (int)len, (const char *)bytes);
}

static void version_1(void **state)
{
    (void)state;
    BEGIN("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n");
    expect_whole("192.0.2.7");
    BEGIN("PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n");
    expect_whole("2001:db8::7");
    BEGIN("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 1 65535\r\n");
    expect_whole("192.0.2.7");
    BEGIN("PROXY UNKNOWN\r\n");
    expect_whole("");
    BEGIN("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n");
    expect_whole("");
}

static void version_1_that_is_none(void **state)
{
    static const char *const wrong[] = {
        "GET / HTTP/1.1\r\n",
        "PROXY\r\n",
        "PROXY \r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 \r\n",
        "PROXY TCP4 192.0.2.7  198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 x\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 123456\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 somewhere 198.51.100.1 1 2\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
        "proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY UNKNOWN "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaa",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin(wrong[i], strlen(wrong[i]));
        expect_wrong();
    }
}

static void version_2(void **state)
{
    static const unsigned char v4[12] = {192, 0, 2, 7, 198, 51, 100, 1, 1, 2, 3, 4};
    static const unsigned char v6[36] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    unsigned char more[500] = {192, 0, 2, 8};

    (void)state;
    begin_2(0x21, 0x11, v4, sizeof(v4));
    expect_whole("192.0.2.7");
    begin_2(0x21, 0x21, v6, sizeof(v6));
    expect_whole("2001:db8::7");
    begin_2(0x21, 0x11, more, sizeof(more)); /* what a proxy adds is passed over */
    expect_whole("192.0.2.8");
    begin_2(0x20, 0x00, "", 0); /* of the proxy itself */
    expect_whole("");
    begin_2(0x20, 0x11, v4, sizeof(v4));
    expect_whole("");
    begin_2(0x21, 0x31, more, 216); /* of a socket that has no address */
    expect_whole("");
}

static void version_2_that_is_none(void **state)
{
    static const unsigned char v4[12] = {192, 0, 2, 7};
    static const unsigned char many[PREFACE_MAX];

    (void)state;
    begin_2(0x21, 0x11, v4, 11);
    expect_wrong();
    begin_2(0x21, 0x21, v4, 12);
    expect_wrong();
    begin_2(0x22, 0x11, v4, 12);
    expect_wrong();
    begin_2(0x11, 0x11, v4, 12);
    expect_wrong();
    begin_2(0x21, 0x11, many, PREFACE_MAX - 15);
    expect_wrong();
    BEGIN("\r\n\r\n\0\r\nQUIT!");
    expect_wrong();
    BEGIN("\r\nGET");
    expect_wrong();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1),
        cmocka_unit_test(version_1_that_is_none),
        cmocka_unit_test(version_2),
        cmocka_unit_test(version_2_that_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
