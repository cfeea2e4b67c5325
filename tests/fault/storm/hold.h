/*
 * hold.h - brokers to try something on: started, and killed and started again by hand.
 */
#ifndef TESTS_FAULT_STORM_HOLD_H
#define TESTS_FAULT_STORM_HOLD_H

struct cluster_kind;

/* Starts three nodes of a cluster, or with NULL three Mosquittos, prints `ports A B C` on standard output and
 * does as standard input says until that ends: `kill N`, `start N` (N from 0), each answered by `done` when
 * it is so. */
void hold_run(const struct cluster_kind *kind);

#endif
