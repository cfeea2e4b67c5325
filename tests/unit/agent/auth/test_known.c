/* test_known.c - logins that were checked already. */
#include "auth/known.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"

static struct known *known;

static int setup(void **state)
{
    (void)state;
    known = known_create();
    return known ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    known_destroy(known);
    return 0;
}

static struct credentials login(const char *id, const char *token)
{
    struct credentials credentials = {.table_id = ""};

    snprintf(credentials.user_id, sizeof(credentials.user_id), "%s", id);
    snprintf(credentials.token, sizeof(credentials.token), "%s", token);
    return credentials;
}

static void add(const char *id, const char *token, int ticket)
{
    unsigned char bytes[DIGEST_LEN];
    struct credentials credentials = login(id, token);

    memset(bytes, ticket, sizeof(bytes));
    known_add(known, &credentials, bytes);
}

/* Its ticket; 0: not known. */
static int find(const char *id, const char *token)
{
    unsigned char bytes[DIGEST_LEN];
    struct credentials credentials = login(id, token);

    return known_find(known, &credentials, bytes) ? bytes[0] : 0;
}

static void it_is_known_with_both(void **state)
{
    (void)state;
    assert_int_equal(find("ARO-001", "pin-1"), 0);
    add("ARO-001", "pin-1", 7);
    assert_int_equal(find("ARO-001", "pin-1"), 7);
    assert_int_equal(find("ARO-001", "pin-2"), 0);
    assert_int_equal(find("ARO-002", "pin-1"), 0);
    assert_int_equal(find("ARO-001pin-1", ""), 0);
    add("ARO-001", "pin-1", 8);
    assert_int_equal(find("ARO-001", "pin-1"), 8);
}

static void many_of_them(void **state)
{
    enum { ALL = 20000 };
    char id[32];
    int found = 0;

    (void)state;
    for (int i = 0; i < ALL; i++) {
        snprintf(id, sizeof(id), "ARO-%d", i);
        add(id, "pin-1", 9);
        assert_int_equal(find(id, "pin-1"), 9);
        snprintf(id, sizeof(id), "ARO-%d", i / 2);
        found += find(id, "pin-1") == 9;
    }
    assert_true(found > ALL / 2); /* older ones make room, not all of them */
    known_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_known_with_both, setup, teardown),
        cmocka_unit_test_setup_teardown(many_of_them, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
