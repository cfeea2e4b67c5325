/* place.h - which store a command is about. */
#ifndef AGENT_STORE_PLACE_H
#define AGENT_STORE_PLACE_H

#include <stdint.h>

struct store_place {
    const char *dir;      /* the data directory */
    int copy;             /* of an agent's store in `dir`, the file that backup.h made; -1: none */
    const char *url;      /* of a PostgreSQL database, a secret; NULL: the store is in `dir` */
    const char *agent_id; /* whose store it is there */
};

/* Hears now and then how many of `total` events are done; at the end all are, also after a failure. */
typedef void store_progress_fn(uint64_t done, uint64_t total);

#endif
