/*
 * wire.h - what a client of each kind of server says and hears, as bytes: WebSocket frames (RFC 6455)
 * and in them the protocol's JSON, or MQTT 3.1.1 for Mosquitto's own WebSocket listener. Pure.
 */
#ifndef TESTS_BENCH_WIRE_H
#define TESTS_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_MAX = 256, WIRE_REQUEST_MAX = 512 }; /* bytes of a frame to send; of an upgrade */

enum wire_said { WIRE_NOTHING, WIRE_READY, WIRE_ANSWER, WIRE_PUSH, WIRE_BAD };

/* A client as the servers know it. */
struct wire_client {
    char table[24], device[24];
    bool watches; /* table FAN-001 */
    bool board;   /* shows all tables to a person */
};

/* How a kind of server is spoken to. The functions that build return the size, at most WIRE_MAX. */
struct wire {
    const char *headers; /* more lines of the upgrade */
    bool by_address;     /* who it is stands in the address */
    /* What is said after the upgrade, one frame; 0: nothing. */
    size_t (*hello)(unsigned char *out, const struct wire_client *client);
    /* The k-th update (from 1) of a client, one frame; `custom` sets a custom field as well. */
    size_t (*update)(unsigned char *out, const struct wire_client *client, uint64_t k, bool custom);
    /* The first of the messages in a frame: its size; `ready`: the client was ready before. *rev is the
     * revision of the document it is ready with. */
    size_t (*heard)(const unsigned char *at, size_t len, const struct wire_client *client,
                    bool ready, enum wire_said *said, uint64_t *rev);
};

extern const struct wire wire_studio, wire_mqtt;

/* The upgrade; `out` has WIRE_REQUEST_MAX bytes. */
size_t wire_request(const struct wire *wire, char *out, const struct wire_client *client);

/* How the dashboard asks for all tables, one frame. */
size_t wire_board(unsigned char *out);

/* A masked frame. */
size_t wire_frame(unsigned char *out, unsigned char opcode, const void *data, size_t len);

/* A server's frame at `at`: its head's size, 0 when it is not all there; *size is the content's. */
size_t wire_head(const unsigned char *at, size_t len, size_t *size);

#endif
