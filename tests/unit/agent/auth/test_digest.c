#include "auth/digest.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "support/cmocka_all.h"

enum { ALL = -1 };

static int left = ALL; /* so many more requests of OpenSSL for memory are granted */

static bool granted(void)
{
    if (left > 0)
        left--;
    return left != 0;
}

static void *get(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return granted() ? malloc(size) : NULL;
}

static void *get_other(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return granted() ? realloc(memory, size) : NULL;
}

static void give(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

static bool abc_is_right(void)
{
    static const char wanted[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    unsigned char digest[DIGEST_LEN];
    char hex[DIGEST_HEX_LEN + 1];

    if (!digest_make("abc", 3, digest))
        return false;
    text_hex(digest, DIGEST_LEN, hex);
    return strcmp(hex, wanted) == 0;
}

static void of_a_text(void **state)
{
    (void)state;
    assert_true(abc_is_right());
}

enum outcome { WRONG, AGAIN, MADE };

/* The n-th request of a process for memory fails, and those behind it: the next hash is right nevertheless. MADE: there were no so
 * many. */
static enum outcome go_short(int n)
{
    unsigned char digest[DIGEST_LEN];
    bool made;

    if (!digest_begin())
        return WRONG;
    left = n;
    made = digest_make("", 0, digest);
    left = ALL;
    return !abc_is_right() ? WRONG : made ? MADE : AGAIN;
}

static void memory_that_was_short_is_not_missed(void **state)
{
    enum outcome outcome = AGAIN;

    (void)state;
    for (int n = 1; outcome == AGAIN; n++) {
        int status = 0;
        pid_t child = fork();

        if (child == 0)
            _exit((int)go_short(n));
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        outcome = (enum outcome)WEXITSTATUS(status);
        assert_int_not_equal(outcome, WRONG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            memory_that_was_short_is_not_missed), /* before anything of the library is ready here */
        cmocka_unit_test(of_a_text),
    };

    if (CRYPTO_set_mem_functions(get, get_other, give) != 1)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
