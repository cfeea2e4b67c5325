/* http_command.h - what is asked of a table over HTTP (protocol section 5). */
#ifndef AGENT_CORE_HTTP_COMMAND_H
#define AGENT_CORE_HTTP_COMMAND_H

#include <stddef.h>

#include "protocol/message.h"

struct http_command {
    enum message_kind kind; /* UPDATE, EXCEPTION, REMOVE_TABLE */
    const char *table_id;   /* of the address; valid */
    const char *key;        /* Idempotency-Key; NULL: none */
    const char *text;       /* the body */
    size_t len;
};

#endif
