#include "auth/digest.h"

#include <string.h>

#include "base/text.h"
#include "support/cmocka_all.h"

static void test_make(void **state)
{
    (void)state;
    unsigned char digest[DIGEST_LEN];
    char hex[DIGEST_HEX_LEN + 1];
    assert_true(digest_make("abc", 3, digest));
    text_hex(digest, DIGEST_LEN, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
