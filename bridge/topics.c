#include "topics.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/names.h"
#include "base/text.h"

static const char *const table_leaves[] = {
    [TOPIC_STATUS] = "status",         [TOPIC_FIELD] = "fields",      [TOPIC_CHANGES] = "changes",
    [TOPIC_EXCEPTIONS] = "exceptions", [TOPIC_PRESENCE] = "presence", [TOPIC_REPLY] = "reply",
};
static const char *const agent_leaves[] = {
    [TOPIC_AVAILABILITY] = "availability", [TOPIC_INFO] = "info",   [TOPIC_HEALTH] = "health",
    [TOPIC_REPLAYED] = "replayed",         [TOPIC_CHECK] = "check",
};

const char topics_awkward[] = ". %";

bool topics_root_valid(const char *root)
{
    size_t len = strlen(root);

    if (len == 0 || len > TOPIC_ROOT_MAX || strpbrk(root, "#+"))
        return false;
    if (root[0] == '$' || root[0] == '/' || root[len - 1] == '/' || strstr(root, "//"))
        return false;
    return text_utf8_valid(root, len) && !text_has_control(root, len);
}

bool topics_init(struct topics *topics, const char *root, const char *agent, bool escape)
{
    if (!topics_root_valid(root) || !name_is_client(agent, strlen(agent)))
        return false;
    snprintf(topics->root, sizeof(topics->root), "%s", root);
    snprintf(topics->agent, sizeof(topics->agent), "%s", agent);
    topics->escape = escape;
    return true;
}

/* --- names ----------------------------------------------------------------------------------- */

/* How the awkward characters are written. */
static const struct {
    char plain, code[4];
} escapes[] = {{'.', "%2E"}, {' ', "%20"}, {'%', "%25"}};
enum { ESCAPES = sizeof(escapes) / sizeof(*escapes), CODE_LEN = 3 };

static const char *code_of(char c)
{
    for (size_t i = 0; i < ESCAPES; i++)
        if (escapes[i].plain == c)
            return escapes[i].code;
    return NULL;
}

/* A name as it stands in a topic. False if it does not fit. */
static bool escaped(const struct topics *topics, const char *name, char out[TOPIC_LEVEL_MAX])
{
    size_t n = 0;

    for (; *name && n + CODE_LEN < TOPIC_LEVEL_MAX; name++) {
        const char *code = topics->escape ? code_of(*name) : NULL;
        size_t len = code ? CODE_LEN : 1;

        memcpy(out + n, code ? code : name, len);
        n += len;
    }
    out[n] = '\0';
    return *name == '\0';
}

/* And back, in place. Other sequences stay: no name has a '%'. */
static void unescape(const struct topics *topics, char *name)
{
    char *to = name;

    while (topics->escape && *name) {
        size_t i = 0;

        while (i < ESCAPES && strncasecmp(name, escapes[i].code, CODE_LEN) != 0)
            i++;
        *to++ = i < ESCAPES ? escapes[i].plain : *name;
        name += i < ESCAPES ? CODE_LEN : 1;
    }
    if (topics->escape)
        *to = '\0';
}

/* --- building -------------------------------------------------------------------------------- */

static void add_level(struct buf *topic, const char *level)
{
    buf_add(topic, "/", 1);
    buf_str(topic, level);
}

/* Without printf: each message has one. */
static bool build(const struct topics *topics, char out[TOPIC_MAX], const char *branch,
                  const char *name, const char *leaf, const char *below)
{
    char level[TOPIC_LEVEL_MAX];
    struct buf text;

    if (!escaped(topics, name, level))
        return false;
    buf_init_fixed(&text, out, TOPIC_MAX);
    buf_str(&text, topics->root);
    add_level(&text, branch);
    add_level(&text, level);
    add_level(&text, leaf);
    if (below)
        add_level(&text, below);
    return buf_ok(&text);
}

/* The same with a name at the end. */
static bool build_named(const struct topics *topics, char out[TOPIC_MAX], const char *branch,
                        const char *name, const char *leaf, const char *below)
{
    char level[TOPIC_LEVEL_MAX];

    if (below && !escaped(topics, below, level))
        return false;
    return build(topics, out, branch, name, leaf, below ? level : NULL);
}

bool topics_table(const struct topics *topics, const char *table, enum table_topic kind,
                  const char *below, char out[TOPIC_MAX])
{
    return build_named(topics, out, "tables", table, table_leaves[kind], below);
}

bool topics_agent(const struct topics *topics, enum agent_topic kind, const char *below,
                  char out[TOPIC_MAX])
{
    return (kind == TOPIC_CHECK ? build : build_named)(topics, out, "agents", topics->agent,
                                                       agent_leaves[kind], below);
}

bool topics_filter_set(const struct topics *topics, char out[TOPIC_MAX])
{
    return build(topics, out, "tables", "+", "set", "#");
}

bool topics_filter_replay(const struct topics *topics, char out[TOPIC_MAX])
{
    return build(topics, out, "agents", topics->agent, "replay", "+");
}

bool topics_filter_check(const struct topics *topics, char out[TOPIC_MAX])
{
    return topics_agent(topics, TOPIC_CHECK, "#", out);
}

bool topics_filters_retained(const struct topics *topics, char out[TOPICS_RETAINED][TOPIC_MAX])
{
    return topics_table(topics, "+", TOPIC_STATUS, NULL, out[0]) &&
           topics_table(topics, "+", TOPIC_FIELD, "+", out[1]) &&
           topics_table(topics, "+", TOPIC_PRESENCE, NULL, out[2]);
}

/* --- taking apart ---------------------------------------------------------------------------- */

/* One level at a time: copies what stands before the next '/' and moves past it. The last level
 * leaves *at NULL. False when there is none left or it is too long. */
static bool next_level(const char **at, const char *end, char out[TOPIC_MAX])
{
    const char *slash;
    size_t len;

    if (!*at)
        return false;
    slash = memchr(*at, '/', (size_t)(end - *at));
    len = (size_t)((slash ? slash : end) - *at);
    if (len >= TOPIC_MAX)
        return false;
    memcpy(out, *at, len);
    out[len] = '\0';
    *at = slash ? slash + 1 : NULL;
    return true;
}

const char *topics_below_root(const struct topics *topics, const char *topic, size_t len)
{
    size_t root = strlen(topics->root);

    if (len <= root || memcmp(topic, topics->root, root) != 0 || topic[root] != '/')
        return NULL;
    return topic + root + 1;
}

void topics_parse(const struct topics *topics, const char *topic, size_t len,
                  struct topic_request *out)
{
    const char *end = topic + len;
    const char *at = topics_below_root(topics, topic, len);
    char branch[TOPIC_MAX], leaf[TOPIC_MAX];

    *out = (struct topic_request){.kind = TOPIC_NOT_OURS};
    /* The answer's topic is made of this one: no library publishes on what is not UTF-8. */
    if (memchr(topic, '\0', len) || !text_utf8_valid(topic, len) || !next_level(&at, end, branch) ||
        !next_level(&at, end, out->table) || !next_level(&at, end, leaf) ||
        !next_level(&at, end, out->client))
        return;
    unescape(topics, out->table);
    unescape(topics, out->client);
    if (strcmp(branch, "agents") == 0) {
        if (!at && strcmp(out->table, topics->agent) == 0 && strcmp(leaf, "replay") == 0)
            out->kind = TOPIC_REPLAY;
        return;
    }
    if (strcmp(branch, "tables") != 0 || strcmp(leaf, "set") != 0)
        return;
    if (!at)
        out->kind = TOPIC_SET;
    else if (next_level(&at, end, out->field) && !at)
        out->kind = TOPIC_SET_FIELD;
    unescape(topics, out->field);
}

/* Under the root: tables/<any>/reply/<client> or agents/<any>/replayed/<client>. */
static bool own_answer_topic(const struct topics *topics, const char *at, const char *client)
{
    const char *end = at + strlen(at);
    char branch[TOPIC_MAX], name[TOPIC_MAX], leaf[TOPIC_MAX], who[TOPIC_MAX];

    if (!next_level(&at, end, branch) || !next_level(&at, end, name) ||
        !next_level(&at, end, leaf) || !next_level(&at, end, who) || at)
        return false;
    unescape(topics, who);
    if (strcmp(who, client) != 0 || name[0] == '\0')
        return false;
    return (strcmp(branch, "tables") == 0 && strcmp(leaf, "reply") == 0) ||
           (strcmp(branch, "agents") == 0 && strcmp(leaf, "replayed") == 0);
}

static size_t levels_of(const char *topic)
{
    size_t n = 1;

    for (; *topic; topic++)
        n += *topic == '/';
    return n;
}

const char *topics_response(const struct topics *topics, const char *response, const char *client,
                            const char *fallback)
{
    size_t len = response ? strlen(response) : 0;
    const char *below;

    if (len == 0 || len >= TOPIC_MAX || response[0] == '$' || strpbrk(response, "#+") ||
        !text_utf8_valid(response, len) || text_has_control(response, len))
        return fallback;
    if (len > RESPONSE_MAX || levels_of(response) > RESPONSE_LEVELS_MAX)
        return fallback;
    if (strcmp(response, topics->root) == 0)
        return fallback;
    below = topics_below_root(topics, response, len);
    if (below && !own_answer_topic(topics, below, client))
        return fallback;
    return response;
}
