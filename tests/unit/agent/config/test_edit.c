/* test_edit.c - a key set in a configuration file's text: where it goes, and that the rest stays as it is. */
#include "config/edit.h"

#include "support/cmocka_all.h"

static void becomes(const char *text, const char *section, const char *key, const char *value,
                    const char *expected)
{
    struct buf out;

    buf_init(&out, 4096);
    config_edit(&out, text, section, key, value);
    assert_true(buf_ok(&out));
    assert_string_equal(out.data, expected);
    buf_finish(&out);
}

static void in_place_of_what_it_was(void **state)
{
    (void)state;
    becomes("; about\n[mqtt]\nbroker = a\nusername=b\n[store]\ndata = /d\n", "mqtt", "username",
            "agent", "; about\n[mqtt]\nbroker = a\nusername = agent\n[store]\ndata = /d\n");
    becomes("[store]\n  data\t=/d", "store", "data", "/e", "[store]\ndata = /e\n");
}

static void in_place_of_a_comment_that_offers_it(void **state)
{
    (void)state;
    becomes("[mqtt]\n; No broker.\n;broker = x\n# username = y\n", "mqtt", "broker", "mqtt://a",
            "[mqtt]\n; No broker.\nbroker = mqtt://a\n# username = y\n");
    becomes("[mqtt]\n; No broker.\n;broker = x\n# username = y\n", "mqtt", "username", "z",
            "[mqtt]\n; No broker.\n;broker = x\nusername = z\n");
    /* One that counts comes before. */
    becomes("[mqtt]\n;broker = x\nbroker = y\n", "mqtt", "broker", "z",
            "[mqtt]\n;broker = x\nbroker = z\n");
}

static void at_the_end_of_its_section(void **state)
{
    (void)state;
    becomes("[mqtt]\nbroker = a\n\n[store]\ndata = /d\n", "mqtt", "username", "b",
            "[mqtt]\nbroker = a\nusername = b\n\n[store]\ndata = /d\n");
    becomes("[mqtt]", "mqtt", "username", "b", "[mqtt]\nusername = b\n");
    becomes("[mqtt]\n\n\n", "mqtt", "username", "b", "[mqtt]\nusername = b\n\n\n");
}

static void in_a_section_of_its_own(void **state)
{
    (void)state;
    becomes("", "mqtt", "broker", "a", "\n[mqtt]\nbroker = a\n");
    becomes("[store]\ndata = /d", "mqtt", "broker", "a",
            "[store]\ndata = /d\n\n[mqtt]\nbroker = a\n");
    becomes(";[mqtt]\n[mqtt2]\nbroker = b\n", "mqtt", "broker", "a",
            ";[mqtt]\n[mqtt2]\nbroker = b\n\n[mqtt]\nbroker = a\n");
}

static void of_another_section_or_name_is_left(void **state)
{
    (void)state;
    becomes("[websocket]\nlisten = a\n[mqtt]\nlisten_x = b\nxlisten = c\n", "mqtt", "listen", "d",
            "[websocket]\nlisten = a\n[mqtt]\nlisten_x = b\nxlisten = c\nlisten = d\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_place_of_what_it_was),
        cmocka_unit_test(in_place_of_a_comment_that_offers_it),
        cmocka_unit_test(at_the_end_of_its_section),
        cmocka_unit_test(in_a_section_of_its_own),
        cmocka_unit_test(of_another_section_or_name_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
