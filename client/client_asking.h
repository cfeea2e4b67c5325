/* client_asking.h - what a history and a stream share: a refusal in the body of an answer as an error. Pure;
 * any thread. */
#ifndef CLIENT_CLIENT_ASKING_H
#define CLIENT_CLIENT_ASKING_H

#include "base/buf.h"
#include "studio/error.h"

enum { CLIENT_PROBLEM_MAX = 16384 /* bytes of a refusal */ };

/* The answer to a request was no 200: `body` is an `application/problem+json`, or what another server says. */
enum studio_err client_asking_refused(struct studio_error *error, const char *server,
                                      unsigned status, const struct buf *body);
/* The request could not be made, or not answered to the end. */
enum studio_err client_asking_lost(struct studio_error *error, const char *server, const char *why);

/* Appends `?name=value`, or `&name=value` behind the first; nothing for a value of NULL. */
void client_asking_add(struct buf *path, const char *name, const char *value);

#endif
