/*
 * database.h - a PostgreSQL on host p and its synchronous standby on host s, and the operator who
 * looks after them: when the primary fails he fences it, promotes the other, and brings the first
 * one back as the standby of that. What he does, a script or Patroni would.
 *
 * Both sync what they write. He sits at their consoles: no cut of the network hinders him.
 */
#ifndef TESTS_FAULT_TWO_DATABASE_H
#define TESTS_FAULT_TWO_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

#include "fault/two/hosts.h"

struct database;

/* Both run, every commit is on both. */
struct database *database_create(void);
void database_destroy(struct database *database);

/* For libpq, of both hosts; lives as long. */
const char *database_url(const struct database *database);
enum host database_primary(const struct database *database);
enum host database_standby(const struct database *database);
/* The first column of the first row, as the primary has it. free() */
char *database_ask(struct database *database, const char *sql);

/* The power of one of them fails. */
void database_power_off(struct database *database, enum host host);
/* Fences the primary and promotes the standby, which waits for no other one from then on. */
void database_promote(struct database *database);
/* The primary waits for its standby no longer. */
void database_go_on_alone(struct database *database);
/* The one that is off becomes the standby again, and is waited for. If both are on: he looks whether
 * it is. */
void database_rejoin(struct database *database);

/* The primary's wall clock is off by so much; false where that cannot be done. */
bool database_clock(struct database *database, int64_t offset_ms);

#endif
