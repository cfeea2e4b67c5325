/* test_link_heap.c - the library's heap: zeroed blocks, a second free refused. */
#include "bridge/link_heap.h"

#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bridge/link_process.h"
#include "support/cmocka_all.h"

static char file[] = "file.c";

static void blocks_are_zeroed_and_keep_what_is_in_them(void **state)
{
    char *block = __wrap_mymalloc(file, 1, 100);

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(block[i], 0);
    memset(block, 'x', 100);
    block = __wrap_myrealloc(file, 1, block, 100000);
    for (int i = 0; i < 100; i++)
        assert_int_equal(block[i], 'x');
    __wrap_myfree(file, 1, block);
    __wrap_myfree(file, 1, __wrap_mymalloc(file, 1, 0));
    __wrap_myfree(file, 1, NULL);
}

static void a_block_freed_twice_is_refused(void **state)
{
    char *block = __wrap_mymalloc(file, 1, 64), other;

    (void)state;
    __wrap_myfree(file, 1, block);
    __wrap_myfree(file, 1, block); /* the sanitizers would say */
    __wrap_myfree(file, 1, &other);
    assert_null(__wrap_myrealloc(file, 1, &other, 10));
}

static void thousands_of_blocks_are_told_apart(void **state)
{
    enum { BLOCKS = 20000 };
    static uint32_t *blocks[BLOCKS];
    uint32_t random = 1;

    (void)state;
    for (unsigned round = 0; round < 200000; round++) {
        uint32_t i = (random = random * 1664525 + 1013904223) >> 8;

        i %= BLOCKS;
        if (blocks[i]) {
            assert_int_equal(*blocks[i], i);
            __wrap_myfree(file, 1, blocks[i]);
            __wrap_myfree(file, 1, blocks[i]);
            blocks[i] = NULL;
        } else {
            blocks[i] = __wrap_mymalloc(file, 1, sizeof(uint32_t));
            *blocks[i] = i;
        }
    }
    for (uint32_t i = 0; i < BLOCKS; i++)
        if (blocks[i]) {
            assert_int_equal(*blocks[i], i);
            __wrap_myfree(file, 1, blocks[i]);
        }
}

static void want_of_memory_ends_the_process(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)__wrap_mymalloc(file, 1, SIZE_MAX / 2 + 1); /* more than any block may have */
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they end it themselves */
    assert_int_equal(WEXITSTATUS(status), LINK_EXIT_MEMORY);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_and_keep_what_is_in_them),
        cmocka_unit_test(a_block_freed_twice_is_refused),
        cmocka_unit_test(thousands_of_blocks_are_told_apart),
        cmocka_unit_test(want_of_memory_ends_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
