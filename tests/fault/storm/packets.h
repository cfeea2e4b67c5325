/*
 * packets.h - what the wiretap must know of MQTT: where a packet begins, which event a PUBLISH
 * carries and which packet a PUBACK is about. Both versions; other packets are only counted past.
 */
#ifndef TESTS_FAULT_STORM_PACKETS_H
#define TESTS_FAULT_STORM_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACKET_HEAD = 1024 /* bytes kept: header, topic, properties, begin of the payload */ };

/* The bytes of one direction of one connection. Zeroed: at its begin. */
struct packets {
    size_t seen, whole; /* of the packet under way; 0: its length is not known yet */
    unsigned char head[PACKET_HEAD];
};

enum packet_kind {
    PACKET_OTHER,
    PACKET_EVENT, /* a PUBLISH on changes or exceptions */
    PACKET_TAKEN  /* a PUBACK that is no refusal */
};

struct packet {
    enum packet_kind kind;
    uint16_t id;
    unsigned long long seq; /* EVENT */
};

/* Takes bytes up to the end of a packet and returns how many that were; *whole tells whether the
 * packet is complete, which is then in *packet. */
size_t packets_take(struct packets *packets, const char *bytes, size_t len, bool *whole,
                    struct packet *packet);

#endif
