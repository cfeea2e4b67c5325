/* diagnosis.h - what `studio-agent doctor` finds, as lines for people or as JSON. */
#ifndef AGENT_CMD_DIAGNOSIS_H
#define AGENT_CMD_DIAGNOSIS_H

#include <stdbool.h>
#include <stdint.h>

#include "studio/agent.h"

enum finding { FINDING_OK, FINDING_WARNING, FINDING_FAULT };

struct diagnosis {
    const struct studio_agent_config *config;
    const char
        *agent_id;    /* as it is kept in the store, or would be; "" as long as it is not known */
    int64_t clock_ms; /* how far the wall clock is ahead of the monotonic one, as of doctor_clock */
    bool json;
    bool colour;
    unsigned warnings, faults;
};

/* Prints one line: `ok       clock     synchronised`. What is not ok has an `advice`, what to do next, on the line below. */
void diagnosis_tell(struct diagnosis *d, enum finding finding, const char *what, const char *advice,
                    const char *fmt, ...) STUDIO_PRINTF(5, 6);

/* Can the file of this option be read by whom doctor acts as, the agent's user? It is told if not. NULL: there is none. */
bool diagnosis_readable(struct diagnosis *d, const char *what, const char *option,
                        const char *file);

/* The sum of it, and the exit code. */
int diagnosis_end(const struct diagnosis *d);

/* --- what is looked at, in files of their own ------------------------------------------------- */

/* doctor_machine.c: the clock, the disk of the data directory, open files. */
void doctor_clock(struct diagnosis *d);
/* At the end: was the clock set meanwhile? */
void doctor_clock_again(struct diagnosis *d);
void doctor_disk(struct diagnosis *d);
void doctor_files(struct diagnosis *d);
/* doctor_tls.c: each certificate of the configuration. */
void doctor_certificates(struct diagnosis *d);
/* And the one `setup` made for the broker, for those who may read it: the agent does not have to. */
void doctor_broker_certificate(struct diagnosis *d);
/* doctor_database.c: the database, if the store is in one. */
void doctor_database(struct diagnosis *d);
/* doctor_broker.c: each configured broker. */
void doctor_brokers(struct diagnosis *d);

#endif
