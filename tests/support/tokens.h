/* tokens.h - lines for the agent's tokens file (protocol section 6). */
#ifndef TESTS_SUPPORT_TOKENS_H
#define TESTS_SUPPORT_TOKENS_H

/* The tokens every test may use unless it brings a file of its own:
 *   MY_TOKEN device *, VIEW_TOKEN viewer *, OPERATOR_TOKEN operator *. */
#define TOKEN_DEVICE   "MY_TOKEN"
#define TOKEN_VIEWER   "VIEW_TOKEN"
#define TOKEN_OPERATOR "OPERATOR_TOKEN"

/* `<pattern> <role> sha256:<hex of token>[ expires=<expires>]\n`; `expires` may be NULL. free(). */
char *tokens_line(const char *pattern, const char *role, const char *token, const char *expires);

/* Writes `dir/tokens` (mode 0600) with the three tokens above; returns its path. */
const char *tokens_write_default(const char *dir);

#endif
