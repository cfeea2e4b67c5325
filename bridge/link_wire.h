/*
 * link_wire.h - what the bridge and the process of an MQTT connection tell each other over their
 * socket: frames of a length, a kind and the fields of that kind. Both ends are of one build and one
 * machine, so numbers are as they are in memory. Pure; what does not fit its kind exactly is refused.
 */
#ifndef BRIDGE_LINK_WIRE_H
#define BRIDGE_LINK_WIRE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/log.h"
#include "link.h"

enum {
    WIRE_FRAME_MAX = 5 << 18, /* bytes: the largest payload (1 MiB), its topic and properties */
    WIRE_FILTERS_MAX = 4
};

enum wire_kind {
    /* to the process: */
    WIRE_CONNECT = 1, /* the first, once */
    WIRE_PUBLISH,
    WIRE_SUBSCRIBE,
    WIRE_VERDICT,
    WIRE_DISCONNECT,
    WIRE_PING, /* answered by WIRE_PONG when the library can still be called */
    /* from it: */
    WIRE_EVENT, /* without link and generation: there is one connection to a process */
    WIRE_COMMAND,
    WIRE_PONG,
    WIRE_LOG,
    WIRE_KINDS
};

struct wire_message {
    enum wire_kind kind;
    union {
        struct {
            const char *version; /* STUDIO_VERSION; another one is refused */
            enum link_id id;
            const char *agent_id, *epoch; /* user properties */
            struct link_target target;
        } connect;
        struct {
            unsigned slot;
            struct link_message message;
        } publish;
        struct {
            unsigned slot;
            enum link_watch watch;
            const char *own;
            size_t count;
            const char *filters[WIRE_FILTERS_MAX];
        } subscribe;
        uint64_t token;
        bool will;
        struct link_event event;
        struct link_command command;
        struct {
            enum log_level level;
            const char *text;
        } log;
    };
};

/* Appends one frame. A failure stays in `out`. */
void wire_put(struct buf *out, const struct wire_message *message);
/* Reads the first frame: its size in bytes, 0 if it is not all there, -1 if it is none. Pointers of
 * the message are into `bytes`; texts end with a NUL there. */
STUDIO_MUST_USE ssize_t wire_get(const char *bytes, size_t len, struct wire_message *out);

#endif
