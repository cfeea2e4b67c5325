#include "auth/broker_lines.h"

#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

enum {
    /* The broker's only thread pays for them at each login: mosquitto_passwd's for what nobody guesses, else some 15 ms. */
    ROUNDS = 101,
    ROUNDS_CHOSEN = 20000,
    SALT_LEN = 12,
    HASH_LEN = 64,
    BASE64_MAX = 4 * ((HASH_LEN + 2) / 3) + 1
};

bool broker_password_line(struct buf *out, const char *user, const char *password, bool chosen)
{
    const int rounds = chosen ? ROUNDS_CHOSEN : ROUNDS;
    unsigned char salt[SALT_LEN], hash[HASH_LEN], text[2][BASE64_MAX];

    if (getentropy(salt, sizeof(salt)) != 0 ||
        PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, sizeof(salt), rounds, EVP_sha512(),
                          sizeof(hash), hash) != 1)
        return false;
    EVP_EncodeBlock(text[0], salt, sizeof(salt));
    EVP_EncodeBlock(text[1], hash, sizeof(hash));
    buf_printf(out, "%s:$7$%d$%s$%s\n", user, rounds, (const char *)text[0], (const char *)text[1]);
    return true;
}

enum { DEVICE = 1u << ROLE_DEVICE, VIEWER = 1u << ROLE_VIEWER, OPERATOR = 1u << ROLE_OPERATOR };

/* %r the root, %t the table (`+` for those who see all), %u the user. */
static const struct {
    unsigned roles;
    const char *line;
} rules[] = {
    {DEVICE | VIEWER | OPERATOR, "topic read %r/tables/%t/status"},
    {DEVICE | VIEWER | OPERATOR, "topic read %r/tables/%t/fields/+"},
    {DEVICE | VIEWER | OPERATOR, "topic read %r/tables/%t/changes"},
    {DEVICE | VIEWER | OPERATOR, "topic read %r/tables/%t/exceptions"},
    {DEVICE | VIEWER | OPERATOR, "topic read %r/tables/%t/presence"},
    {DEVICE | OPERATOR, "topic write %r/tables/%t/set/%u/#"},
    {DEVICE | OPERATOR, "topic read %r/tables/%t/reply/%u"},
    {DEVICE | VIEWER | OPERATOR, "topic read %r/agents/+/availability"},
    {VIEWER | OPERATOR, "topic read %r/agents/+/info"},
    {VIEWER | OPERATOR, "topic read %r/agents/+/health"},
    {VIEWER | OPERATOR, "topic write %r/agents/+/replay/%u"},
    {VIEWER | OPERATOR, "topic read %r/agents/+/replayed/%u"},
};

static const char *const agent_rules[] = {
    "topic write %r/tables/+/status",
    "topic write %r/tables/+/fields/+",
    "topic write %r/tables/+/changes",
    "topic write %r/tables/+/exceptions",
    "topic write %r/tables/+/presence",
    "topic write %r/tables/+/reply/+",
    "topic read %r/tables/+/set/#",
    "topic readwrite %r/agents/+/availability", /* read: to notice when another has overwritten it */
    "topic write %r/agents/+/info",
    "topic write %r/agents/+/health",
    "topic write %r/agents/+/replayed/+",
    "topic read %r/agents/+/replay/+",
    "topic readwrite %r/agents/+/check/#", /* what it sends to itself */
};

static void print_rule(struct buf *out, const char *line, const char *user, enum role role,
                       const char *root)
{
    for (; *line; line++) {
        if (*line != '%') {
            buf_add(out, line, 1);
            continue;
        }
        line++;
        if (*line == 'r')
            buf_str(out, root);
        else if (*line == 'u')
            buf_str(out, user);
        else if (role == ROLE_DEVICE)
            buf_add(out, user, strcspn(user, "_"));
        else
            buf_str(out, "+");
    }
    buf_str(out, "\n");
}

void broker_access_lines(struct buf *out, const char *user, enum role role, const char *root)
{
    buf_printf(out, "user %s\n", user);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (rules[i].roles & 1u << role)
            print_rule(out, rules[i].line, user, role, root);
}

void broker_agent_lines(struct buf *out, const char *user, const char *root)
{
    buf_printf(out, "user %s\n", user);
    for (size_t i = 0; i < sizeof(agent_rules) / sizeof(agent_rules[0]); i++)
        print_rule(out, agent_rules[i], user, ROLE_OPERATOR, root);
}
