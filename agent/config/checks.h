/*
 * checks.h - what a string option must look like. Each check returns NULL if the value is right,
 * else a sentence that says what would be (option_check_fn). Pure; any thread.
 */
#ifndef AGENT_CONFIG_CHECKS_H
#define AGENT_CONFIG_CHECKS_H

#include <stdbool.h>
#include <stdint.h>

const char *check_not_empty(const char *value);
const char *check_store_url(const char *value);
const char *check_brokers(const char *value);
const char *check_agent_id(const char *value);
const char *check_topic_root(const char *value);
const char *check_values(const char *value);
const char *check_networks(const char *value);
const char *check_origins(const char *value);
const char *check_token(const char *value);

enum { ADDRESS_HOST_MAX = 255 };

/* Splits HOST:PORT; the brackets of `[::1]:8080` are taken off. False if it is not of that form. */
bool address_split(const char *address, char host[ADDRESS_HOST_MAX + 1], uint16_t *port);

#endif
