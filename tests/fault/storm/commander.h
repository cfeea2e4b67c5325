/*
 * commander.h - one MQTT client that commands: `set/<client>` with a request_id, one at a time, the
 * same again until it is answered, over all brokers. However often the agent gets it, it is to be
 * applied once. Without a thread of its own: it works while it is stepped.
 *
 * It counts like a writer of its table (writers.h): the custom field `w<number>` is set to 1, 2, 3.
 */
#ifndef TESTS_FAULT_STORM_COMMANDER_H
#define TESTS_FAULT_STORM_COMMANDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct commander_options {
    const char *const *hosts; /* of the brokers; NULL: 127.0.0.1 */
    const uint16_t *ports;
    unsigned brokers; /* up to 3 */
    int mqtt_version; /* as mqttclient_options has it */
    unsigned number;
    const char *table;
};

struct commander;

/* Paused at first. */
struct commander *commander_create(const struct commander_options *options);
/* NULL does nothing; so do the next three. */
void commander_destroy(struct commander *commander);

void commander_resume(struct commander *commander);
/* Hears what has come and sends what is due, without waiting. */
void commander_step(struct commander *commander);
/* Begins no other command and waits until the last one is answered; false at the deadline (a now_ms
 * value). */
bool commander_settle(struct commander *commander, int64_t deadline);

/* The value sent last. */
uint64_t commander_last(const struct commander *commander);
/* Sends beyond the first of a command. */
uint64_t commander_repeats(const struct commander *commander);
/* An answer that must never come; NULL: none. Free(). */
char *commander_complaint(struct commander *commander);

#endif
