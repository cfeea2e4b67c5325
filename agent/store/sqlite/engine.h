/*
 * engine.h - the store in a file of SQLite's: the default, nothing to install.
 */
#ifndef AGENT_STORE_SQLITE_ENGINE_H
#define AGENT_STORE_SQLITE_ENGINE_H

#include "store/engine.h"

extern const struct store_engine sqlite_engine;

#endif
