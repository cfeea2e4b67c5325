/* preface.h - the PROXY protocol, versions 1 and 2: what a proxy says before the first byte of the
 * client it speaks for. Pure; any thread. */
#ifndef AGENT_NET_PREFACE_H
#define AGENT_NET_PREFACE_H

#include "base/networks.h"

/* Bytes of the longest that is read: version 1 has 107, version 2 has what its proxy adds (a
 * certificate's name, the name that was asked for). */
enum { PREFACE_MAX = 2048 };

enum preface {
    PREFACE_MORE,  /* so far it may become one: the whole of bytes[0..len) is a part of it */
    PREFACE_WHOLE, /* it ends at `*used` */
    PREFACE_WRONG  /* it is none, or longer than PREFACE_MAX */
};

/* Reads bytes[0..len). Of a whole one `peer` is the client's address; empty if it names none: the proxy
 * speaks for itself (a health check), or of a client without an IP address. */
enum preface preface_read(const unsigned char *bytes, size_t len, size_t *used,
                          char peer[PEER_TEXT_MAX + 1]);

#endif
