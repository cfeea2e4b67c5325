#include "carry.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"

enum { TOLD_MAX = 400 /* bytes of names in a line of the log */ };

static unsigned marks_of(const char *text, size_t len)
{
    unsigned marks = 0;

    for (size_t i = 0; topics_awkward[i]; i++)
        if (memchr(text, topics_awkward[i], len))
            marks |= 1u << i;
    return marks;
}

bool carry_due(const struct carry *c)
{
    return (c->used & ~c->asked) != 0 && c->refused != c->broker;
}

/* --- what is said ---------------------------------------------------------------------------- */

static bool uncarried(const struct carry *c, const struct carry_name *name)
{
    return (name->marks & c->uncarried) != 0;
}

/* Each name once for a broker. */
static void tell(struct carry *c)
{
    static const char *const how[] = {
        [CARRY_CHANGED] = "changes topics", [CARRY_HANGS_UP] = "hangs up on topics"};
    char names[TOLD_MAX] = "";
    size_t len = 0;

    for (size_t i = 0; i < c->count; i++) {
        struct carry_name *name = &c->names[i];

        if (!uncarried(c, name) || name->told == c->broker ||
            len + strlen(name->text) + 3 > TOLD_MAX)
            continue;
        len +=
            (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "", name->text);
        name->told = c->broker;
    }
    if (len > 0)
        log_warn("bridge", "%s %s with a `.`, a blank or a %% in them and cannot carry %s%s",
                 c->broker, how[c->how], names,
                 c->topics->escape ? "" : ": set mqtt.topic_escape = yes");
}

void carry_print(const struct carry *c, struct buf *out)
{
    const char *between = "";

    buf_str(out, "[");
    for (size_t i = 0; i < c->count; i++) {
        if (!uncarried(c, &c->names[i]))
            continue;
        buf_str(out, between);
        json_string(out, c->names[i].text, strlen(c->names[i].text));
        between = ",";
    }
    buf_str(out, "]");
}

/* --- the names ------------------------------------------------------------------------------- */

static void note_name(struct carry *c, const char *text, size_t len)
{
    unsigned marks = marks_of(text, len);
    struct carry_name *name = &c->names[c->count];

    if (marks == 0)
        return;
    c->used |= marks;
    for (size_t i = 0; i < c->count; i++)
        if (strncmp(c->names[i].text, text, len) == 0 && c->names[i].text[len] == '\0')
            return;
    if (c->count == CARRY_NAMES_MAX || len >= sizeof(name->text))
        return;
    *name = (struct carry_name){.marks = marks};
    memcpy(name->text, text, len);
    c->count++;
    tell(c);
}

void carry_note(struct carry *c, const char *topic)
{
    const char *level = topics_below_root(c->topics, topic, strlen(topic));

    if (!level || !strpbrk(level, topics_awkward)) /* nearly always */
        return;
    for (;;) {
        size_t len = strcspn(level, "/");

        note_name(c, level, len);
        if (level[len] == '\0')
            return;
        level += len + 1;
    }
}

void carry_init(struct carry *c, const struct topics *topics)
{
    char own[TOPIC_MAX];

    *c = (struct carry){.topics = topics, .since_ms = -1};
    note_name(c, topics->root, strlen(topics->root));
    if (topics_agent(topics, TOPIC_AVAILABILITY, NULL, own))
        carry_note(c, own);
}

/* --- the check ------------------------------------------------------------------------------- */

void carry_up(struct carry *c, const char *broker)
{
    c->broker = broker;
    c->asked = c->uncarried = 0;
    c->since_ms = -1;
}

void carry_ask(struct carry *c, int64_t now_ms, char level[CARRY_LEVEL_MAX])
{
    size_t n = 0;

    level[n++] = 'x';
    for (size_t i = 0; topics_awkward[i]; i++) {
        if (!(c->used & 1u << i))
            continue;
        level[n++] = topics_awkward[i];
        level[n++] = 'x';
    }
    level[n] = '\0';
    c->asked = c->used;
    c->since_ms = now_ms;
}

bool carry_told(struct carry *c, enum carry_verdict verdict)
{
    c->since_ms = -1;
    if (verdict == CARRY_REFUSED) /* some hang up on that: not again */
        c->refused = c->broker;
    if (verdict == CARRY_REFUSED || verdict == CARRY_SILENT) {
        if (c->unknown != c->broker)
            log_info(
                "bridge",
                "%s does not let the agent hear itself: whether it carries names with a `.`, a "
                "blank or a %% in them is not known",
                c->broker);
        c->unknown = c->broker;
        return false;
    }
    c->how = verdict;
    c->uncarried = verdict == CARRY_SAME ? 0 : c->asked;
    tell(c);
    return verdict != CARRY_SAME;
}

void carry_look(struct carry *c, int64_t now_ms)
{
    if (c->since_ms >= 0 && now_ms >= c->since_ms + CARRY_WAIT_MS)
        (void)carry_told(c, CARRY_SILENT);
}
