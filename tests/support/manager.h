/* manager.h - a service manager as a process it started sees it: the socket it listens on. */
#ifndef TESTS_SUPPORT_MANAGER_H
#define TESTS_SUPPORT_MANAGER_H

#include <stdbool.h>

struct manager;

enum manager_kind { MANAGER_PATH, MANAGER_ABSTRACT };

struct manager *manager_create(enum manager_kind kind);
void manager_destroy(struct manager *manager);

/* For NOTIFY_SOCKET; lives as long. */
const char *manager_address(const struct manager *manager);
/* The next it is told, waiting for it; lives until the next call. */
const char *manager_hear(struct manager *manager);
/* Whether it is told something in that time. */
bool manager_hears(struct manager *manager, int timeout_ms);
/* Skips what it is told up to what has this text in it. */
const char *manager_until(struct manager *manager, const char *text);

#endif
