/* The option table: complete, consistent, findable. */
#include "support/cmocka_all.h"

#include <string.h>

#include "config/options.h"
#include "config/settings.h"

static void every_option_is_found_by_its_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        assert_ptr_equal(option_find(option->section, option->key), option);
        assert_int_equal(option_index(option), i);
        if (option->flag)
            assert_ptr_equal(option_by_flag(option->flag), option);
        assert_true(option_section_known(option->section));
        assert_non_null(option->help);
    }
    assert_null(option_find("websocket", "nothing"));
    assert_null(option_find("nothing", "listen"));
    assert_null(option_by_flag("nothing"));
    assert_false(option_section_known("nothing"));
}

static void no_two_options_share_a_slot(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(options[i].offset, options[k].offset);
        assert_true(options[i].offset < sizeof(struct studio_agent_config));
    }
}

static void sections_are_contiguous(void **state)
{
    (void)state;
    size_t groups = 1;
    for (size_t i = 1; i < option_count; i++)
        groups += strcmp(options[i].section, options[i - 1].section) != 0;
    assert_int_equal(groups, 7);
}

static void the_nearest_name_is_found(void **state)
{
    (void)state;
    assert_string_equal(option_nearest_section("websoket"), "websocket");
    assert_string_equal(option_nearest_key("mqtt", "brokr"), "broker");
    assert_string_equal(option_nearest_key("websocket", "listn"), "listen");
    assert_null(option_nearest_key("log", "something_else_altogether"));
}

static void variables_are_named_after_section_and_key(void **state)
{
    char name[OPTION_ENV_MAX];
    (void)state;
    option_env_name(option_find("websocket", "listen"), name);
    assert_string_equal(name, "STUDIO_WEBSOCKET_LISTEN");
    option_env_name(option_find("limits", "auth_failures_per_minute"), name);
    assert_string_equal(name, "STUDIO_LIMITS_AUTH_FAILURES_PER_MINUTE");
}

static void values_are_told_by_type(void **state)
{
    char text[64];
    (void)state;
    option_values(option_find("log", "level"), text, sizeof text);
    assert_string_equal(text, "error|warn|info|debug");
    option_values(option_find("mqtt", "keepalive"), text, sizeof text);
    assert_string_equal(text, "1-65535");
    option_values(option_find("mqtt", "create_tables"), text, sizeof text);
    assert_string_equal(text, "yes|no");
    option_values(option_find("websocket", "listen"), text, sizeof text);
    assert_string_equal(text, "HOST:PORT[,...]");
    option_values(option_find("log", "level"), text, 8);
    assert_string_equal(text, "error|w");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_found_by_its_names),
        cmocka_unit_test(no_two_options_share_a_slot),
        cmocka_unit_test(sections_are_contiguous),
        cmocka_unit_test(the_nearest_name_is_found),
        cmocka_unit_test(variables_are_named_after_section_and_key),
        cmocka_unit_test(values_are_told_by_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
