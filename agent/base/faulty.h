/*
 * faulty.h - mistakes made on purpose: the fault tests must prove that they notice them. Only the
 * program studio-agent-faulty of tests/fault is compiled with them and makes the one that
 * STUDIO_FAULT names; everywhere else this is nothing.
 */
#ifndef AGENT_BASE_FAULTY_H
#define AGENT_BASE_FAULTY_H

#include <stdbool.h>

#ifdef STUDIO_FAULTY
#include <stdlib.h>
#include <string.h>

static inline bool faulty(const char *mistake)
{
    const char *chosen = getenv("STUDIO_FAULT");
    return chosen && strcmp(chosen, mistake) == 0;
}
#else
static inline bool faulty(const char *mistake)
{
    (void)mistake;
    return false;
}
#endif

#endif
