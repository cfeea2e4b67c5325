/* token_line.h - one line of the tokens file, for those who read it and those who change it. */
#ifndef AGENT_AUTH_TOKEN_LINE_H
#define AGENT_AUTH_TOKEN_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/digest.h"
#include "auth/role.h"

enum {
    TOKEN_PATTERN_MAX = 256,
    TOKEN_TABLES = 256 /* unless the line says more or less */,
    TOKEN_TABLES_MAX = 1000000
};

struct token_line {
    char *pattern; /* with blanks where the file has %20; owned */
    enum role role;
    bool certificate; /* it has no token: who shows a certificate for the id is let in */
    char *slow;       /* the slow hash of its token; NULL: it has a fast one. Owned */
    unsigned char
        digest[DIGEST_LEN]; /* of its token; of one with a slow hash, of that; of one without a
                                         token see token_line_certificate */
    int64_t until_s;        /* seconds since 1970 UTC from when it is expired; INT64_MAX: never */
    unsigned tables;        /* see struct grant */
};

enum token_line_kind {
    TOKEN_LINE_EMPTY, /* blank or a comment */
    TOKEN_LINE_USER,  /* `out` is filled: token_line_finish */
    TOKEN_LINE_WRONG, /* *why says what is wrong, never with a part of the line: it may be secret */
    TOKEN_LINE_NO_MEMORY
};

/* Reads text[0..len), a line without its newline. Only USER leaves anything to be freed. */
enum token_line_kind token_line_parse(const char *text, size_t len, struct token_line *out,
                                      const char **why);

void token_line_finish(struct token_line *line);

/* Reads YYYY-MM-DD; *until_s is the first second after that day in UTC. False: no such day. */
bool token_date_parse(const char *text, int64_t *until_s);

/* Reads a number of tables. False: it is none from 1 to TOKEN_TABLES_MAX. */
bool token_tables_parse(const char *text, unsigned *tables);

/* What stands for the hash of a token in lines without one: of a pattern for one id its own, one for all other
 * patterns. Of no token it is the hash. False: out of memory. */
bool token_line_certificate(const char *pattern, unsigned char digest[DIGEST_LEN]);

/* NULL if a pattern with blanks decoded is right, else what is wrong. */
const char *token_pattern_check(const char *pattern);

#endif
