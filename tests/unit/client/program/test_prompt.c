#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/program/prompt.h"
#include "studio/status.h"
#include "support/cmocka_all.h"

static enum studio_err parse(const char *line, struct prompt_line *out, struct studio_error *error)
{
    static char space[1000];
    assert_true(strlen(line) < sizeof(space));
    strcpy(space, line);
    return prompt_parse(&studio_built_in_values, space, out, error); /* then prompt_finish */
}

static void lines(void **state)
{
    static const struct {
        const char *line;
        enum prompt_kind kind;
        const char *text;
    } rows[] = {
        {"", PROMPT_EMPTY, NULL},
        {"  \t\r", PROMPT_EMPTY, NULL},
        {"# a comment", PROMPT_EMPTY, NULL},
        {"status", PROMPT_STATUS, ""},
        {"get", PROMPT_STATUS, ""},
        {"get ARO-002", PROMPT_STATUS, "ARO-002"},
        {"?", PROMPT_HELP, ""},
        {" Help ", PROMPT_HELP, ""},
        {"quit", PROMPT_QUIT, ""},
        {"exit", PROMPT_QUIT, ""},
        {"custom {\"a\": \"b  c\"} ", PROMPT_JSON, "{\"a\": \"b  c\"}"},
        {"exception NO BALL DETECT", PROMPT_EXCEPTION, "NO BALL DETECT"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prompt_line line;
        assert_int_equal(parse(rows[i].line, &line, NULL), STUDIO_OK);
        assert_int_equal(line.kind, rows[i].kind);
        if (rows[i].text != NULL)
            assert_string_equal(line.text, rows[i].text);
        prompt_finish(&line);
    }
}

static void updates(void **state)
{
    struct prompt_line line;
    (void)state;
    static const char *const same[] = {"sdp up", "sdp=up", "set sdp up", " SET  sdp=up "};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        assert_int_equal(parse(same[i], &line, NULL), STUDIO_OK);
        assert_int_equal(line.kind, PROMPT_UPDATE);
        assert_int_equal(line.pairs.count, 1);
        assert_string_equal(line.pairs.fields[0].name, "sdp");
        assert_string_equal(line.pairs.fields[0].value, "up");
        prompt_finish(&line);
    }
    assert_int_equal(parse(" barcode  up nfc down\tmaintenance on ", &line, NULL), STUDIO_OK);
    assert_int_equal(line.pairs.count, 3);
    assert_string_equal(line.pairs.fields[0].name, "barcode_scanner");
    assert_string_equal(line.pairs.fields[1].name, "nfc_scanner");
    assert_string_equal(line.pairs.fields[2].name, "maintenance");
    assert_string_equal(line.pairs.fields[2].value, "true");
    prompt_finish(&line);
}

/* As on the command line: JSON if it is JSON, else text; quotes keep blanks together. */
static void custom_fields(void **state)
{
    static const struct {
        const char *line, *name, *value;
    } rows[] = {
        {"shift=3", "shift", "3"},
        {"set dealer='Ann B.'", "dealer", "\"Ann B.\""},
        {"dealer=\"Ann B.\"", "dealer", "\"Ann B.\""},
        {"dealer=\"A \\\"B\\\"\"", "dealer", "\"A \\\"B\\\"\""},
        {"limits='{\"a\": [1, 2]}'", "limits", "{\"a\": [1, 2]}"},
        {"note=J\xc3\xbcrgen", "note", "\"J\xc3\xbcrgen\""},
        {"note=", "note", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prompt_line line;
        assert_int_equal(parse(rows[i].line, &line, NULL), STUDIO_OK);
        assert_int_equal(line.pairs.count, 1);
        assert_string_equal(line.pairs.fields[0].name, rows[i].name);
        if (rows[i].value == NULL)
            assert_null(line.pairs.fields[0].value);
        else
            assert_string_equal(line.pairs.fields[0].value, rows[i].value);
        prompt_finish(&line);
    }
}

/* Custom names that may be typing mistakes; removing one is none. */
static void mistyped_names(void **state)
{
    static const struct {
        const char *line, *meant;
    } rows[] = {
        {"roulete=down", "roulette"},
        {"shift=1 spd=up", "sdp"},
        {"barcod=up", "barcode_scanner"},
        {"Maintenence=on", "maintenance"},
        {"roulete=", NULL},
        {"roulete=null", NULL},
        {"roulette=up shift=3 dealer=x table_id=A", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prompt_line line;
        const struct studio_field *meant = NULL;
        assert_int_equal(parse(rows[i].line, &line, NULL), STUDIO_OK);
        const char *name = pairs_mistyped(&line.pairs, &meant);
        if (rows[i].meant == NULL) {
            assert_null(name);
        } else {
            assert_non_null(name);
            assert_string_equal(meant->key, rows[i].meant);
        }
        prompt_finish(&line);
    }
}

static void secrets_are_not_kept(void **state)
{
    (void)state;
    assert_true(prompt_is_secret("custom {\"id\":\"A\",\"Token\":\"x\"}", "abcd"));
    assert_true(prompt_is_secret("note=abcdefgh", "abcdefgh"));
    assert_true(prompt_is_secret("wifi_PassWord=x", NULL));
    assert_false(prompt_is_secret("sdp up", "abcdefgh"));
}

static void mistakes(void **state)
{
    static const struct {
        const char *line, *word;
    } rows[] = {
        {"sdp", "expected"},
        {"sdp sideways", "calibration"},
        {"maintenance yes", "on or off"},
        {"roulete up", "roulette"},
        {"sdp up roulette", "expected"},
        {"custom", "custom {json}"},
        {"custom [1]", "JSON object"},
        {"custom {\"a\":}", "JSON object"},
        {"exception", "exception CODE"},
        {"help me", "nothing"},
        {"watch --all", "studio-client watch"},
        {"set", "set KEY=VALUE"},
        {"dealer='Ann B.", "quote"},
        {"sdp=up roulete down", "roulette"},
        {"uptime=3", "agent"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prompt_line line;
        struct studio_error error;
        assert_int_equal(parse(rows[i].line, &line, &error), STUDIO_ERR_USAGE);
        if (strstr(error.text, rows[i].word) == NULL)
            fail_msg("'%s': %s", rows[i].line, error.text);
        prompt_finish(&line);
    }

    char many[1000] = "set";
    struct prompt_line line;
    struct studio_error error;
    for (int i = 0; i <= PAIRS_MAX; i++)
        sprintf(many + strlen(many), " f%d=%d", i, i);
    assert_int_equal(parse(many, &line, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "at most"));
    prompt_finish(&line);
}

/* The candidates for the last word of `line`, separated by blanks. */
static const char *candidates(const char *line)
{
    static char out[1000];
    const char *blank = strrchr(line, ' ');
    size_t start = blank != NULL ? (size_t)(blank + 1 - line) : 0;
    const char *word;

    out[0] = '\0';
    for (size_t n = 0;
         (word = prompt_candidate(&studio_built_in_values, line, start, line + start, n)) != NULL;
         n++) {
        if (n > 0)
            strcat(out, " ");
        strcat(out, word);
    }
    return out;
}

static void completion(void **state)
{
    (void)state;
    assert_string_equal(candidates("sd"), "sdp");
    assert_string_equal(candidates("SD"), "sdp");
    assert_string_equal(candidates("nf"), "nfc_scanner nfc");
    assert_string_equal(candidates("s"), "status set sdp shaker");
    assert_string_equal(candidates("set s"), "sdp shaker");
    assert_string_equal(candidates("set sdp c"), "calibration");
    assert_string_equal(candidates("sdp "), "up down standby calibration exception");
    assert_string_equal(candidates("sdp c"), "calibration");
    assert_string_equal(candidates("barcode "), "up down");
    assert_string_equal(candidates("maintenance o"), "on off");
    assert_string_equal(candidates("sdp up ro"), "roulette");
    assert_string_equal(candidates("sdp up roulette d"), "down");
    assert_string_equal(candidates("sdp up st"), ""); /* no command in the middle */
    assert_string_equal(candidates("custom sd"), "");
    assert_string_equal(candidates("exception u"), "");
    assert_string_equal(candidates("nonsense up s"), "sdp shaker");
    assert_string_equal(candidates("zz"), "");
}

static void help_names_everything(void **state)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    (void)state;
    assert_non_null(out);
    prompt_help(&studio_built_in_values, out);
    fclose(out);
    static const char *const words[] = {"sdp",    "barcode",   "on|off", "calibration",
                                        "custom", "exception", "quit",   "status"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_non_null(strstr(text, words[i]));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(updates),
        cmocka_unit_test(custom_fields),
        cmocka_unit_test(mistyped_names),
        cmocka_unit_test(secrets_are_not_kept),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(completion),
        cmocka_unit_test(help_names_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
