/*
 * engine.h - the store in a PostgreSQL database, which other agents may share: for studios that outgrow one machine.
 */
#ifndef AGENT_STORE_POSTGRES_ENGINE_H
#define AGENT_STORE_POSTGRES_ENGINE_H

#include "store/engine.h"

extern const struct store_engine postgres_engine;

#endif
