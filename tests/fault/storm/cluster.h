/*
 * cluster.h - three nodes of a broker that is a cluster: RabbitMQ with its plugin for MQTT and quorum queues, or
 * nats-server with JetStream on three replicas. On ports, names and directories of their own; none that runs
 * already is touched.
 */
#ifndef TESTS_FAULT_STORM_CLUSTER_H
#define TESTS_FAULT_STORM_CLUSTER_H

#include <stdbool.h>

#include "support/broker.h"

enum { CLUSTER_NODES = 3 };

/* What a kind of cluster can do; a row each. */
struct cluster_kind {
    const char *name;     /* for the command line */
    bool wildcards;       /* who subscribes with wildcards is given what is retained */
    bool retained_shared; /* what is retained at one node is so at all */
};

struct cluster;

/* NULL: there is no such kind. */
const struct cluster_kind *cluster_find(const char *name);
/* Why it cannot be started here, as a sentence; NULL: it can. */
const char *cluster_missing(const struct cluster_kind *kind);

/* All nodes let clients in when it returns. The brokers are the cluster's: kill and start them as any. */
struct cluster *cluster_create(const struct cluster_kind *kind);
void cluster_destroy(struct cluster *cluster);
struct broker *cluster_node(struct cluster *cluster, unsigned node);

#endif
