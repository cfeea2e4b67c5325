/* test_verify.c - `studio-agent store verify`: what a subscriber has written down is what the store has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/scene.h"
#include "support/storedir.h"
#include "support/tmpdir.h"

enum { UPDATES = 20, EVENTS = UPDATES + 1, LINES = EVENTS + 1 };

static struct scene s;
static const char *dir;
static char *lines[LINES]; /* as mosquitto_sub -v writes events, by their number */

static int setup(void **state)
{
    (void)state;
    dir = tmpdir_create();
    scene_open(&s, NULL, 5);
    struct wsclient *c = wsclient_login(agent_proc_port(s.agent), "ARO-001_pc", TOKEN_DEVICE);
    for (int i = 0; i < UPDATES; i++) {
        wsclient_sendf(c, "{\"n\":%d}", i);
        wsclient_expect(c, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    }
    wsclient_close(c);
    char seq[16];
    for (int i = 1; i <= EVENTS; i++) {
        snprintf(seq, sizeof seq, "%d", i);
        const struct mqtt_message *m =
            mqttclient_wait_json(s.sub, "studio/tables/ARO-001/changes", "seq", seq);
        lines[i] = test_printf("%s %s\n", m->topic, m->payload);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scene_close(&s);
    for (int i = 0; i < LINES; i++) {
        free(lines[i]);
        lines[i] = NULL;
    }
    return 0;
}

/* A record of events `from` to `to`; `twist` replaces or moves some. */
static char *record(int from, int to, const char *(*twist)(int i))
{
    char *text = test_printf("studio/tables/ARO-001/status {\"TABLE_ID\":\"ARO-001\"}\nnoise\n");
    for (int i = from; i <= to; i++) {
        const char *line = twist ? twist(i) : lines[i];
        char *longer = test_printf("%s%s", text, line);
        free(text);
        text = longer;
    }
    return text;
}

static void expect(char *text, int code, const char *words)
{
    const char *argv[] = {studio_program("studio-agent"),
                          "store",
                          "verify",
                          tmpdir_write(dir, "record", 0600, text),
                          "--data",
                          agent_proc_data(s.agent),
                          NULL};
    char *out, *err;
    int got = proc_run(argv, NULL, &out, &err);
    if (got != code || (!strstr(out, words) && !strstr(err, words)))
        test_fail("exit %d, not %d, or no '%s' in:\n%s%s", got, code, words, out, err);
    free(out);
    free(err);
    free(text);
}

static const char *payload(const char *line)
{
    return strchr(line, '{');
}

static const char *one_missing(int i)
{
    return i == 7 || i == 8 ? "" : lines[i];
}

static const char *one_altered(int i)
{
    static char line[1024];
    snprintf(line, sizeof line, "%s", lines[i]);
    char *by = strstr(line, "ARO-001_pc");
    if (i == 9)
        by[8] = 'q';
    return line;
}

static const char *one_late(int i)
{
    return i == 5 ? lines[6] : i == 6 ? lines[5] : lines[i];
}

static const char *some_twice(int i)
{
    static char two[2048];
    snprintf(two, sizeof two, "%s%s", lines[i], i % 3 ? "" : lines[i]);
    return two;
}

/* 7 and 8 come by replay, at the end. */
static const char *fetched(int i)
{
    static char replayed[2048];
    if (i != EVENTS)
        return one_missing(i);
    snprintf(replayed, sizeof replayed, "%s", lines[i]);
    for (int seq = 7; seq <= 8; seq++) {
        size_t len = strlen(replayed);
        const char *body = payload(lines[seq]);
        snprintf(replayed + len, sizeof replayed - len, "x %.*s,\"replay\":true}\n",
                 (int)strlen(body) - 2, body);
    }
    return replayed;
}

static const char *bare(int i) /* studio-client events --json */
{
    return payload(lines[i]);
}

static const char *of_another(int i)
{
    static char line[1024];
    snprintf(line, sizeof line, "%s", lines[i]);
    char *epoch = strstr(line, "\"epoch\":\"") + 9;
    *epoch = *epoch == '0' ? '1' : '0';
    return line;
}

static void a_record(void **state)
{
    (void)state;
    expect(record(1, EVENTS, NULL), 0, "each event from 1 to 21 is there, in order, unaltered");
    expect(record(4, 9, bare), 0, "each event from 4 to 9 is there");
    expect(record(1, EVENTS, some_twice), 0, "7 repeats");
    expect(record(1, EVENTS, fetched), 0, "2 by replay");
    expect(record(1, EVENTS, one_missing), 1, "fault: 7 to 8 are missing");
    expect(record(1, EVENTS, one_altered), 1, "fault: 9 is altered");
    expect(record(1, EVENTS, one_late), 1, "fault: 5 came first after 6");
    expect(record(1, EVENTS, of_another), 2, "there is no event of this store");
    expect(test_printf("%s", "nothing\n"), 2, "there is no event of this store");
    agent_proc_stop(s.agent);
    expect(record(1, EVENTS, NULL), 0, "each event from 1 to 21 is there, in order, unaltered");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
