/* openfiles.h - the limit on open files, as far as connections need it. */
#ifndef AGENT_NET_OPENFILES_H
#define AGENT_NET_OPENFILES_H

#include <stddef.h>

/* Raises the limit for so many connections and returns how many can be served, so that the server
 * never runs out of files. Before server_create: the library sizes its tables by this limit. */
size_t openfiles_fit(size_t connections);

#endif
