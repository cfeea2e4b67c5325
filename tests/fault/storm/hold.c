#include "fault/storm/hold.h"

#include <stdio.h>
#include <string.h>

#include "fault/storm/cluster.h"

/* One line of standard input; false: it is none that is known, or not possible now. */
static bool obey(struct broker *const brokers[], const char *line)
{
    char verb[8];
    unsigned n;
    if (sscanf(line, "%7s %u", verb, &n) != 2 || n >= CLUSTER_NODES)
        return false;
    bool runs = broker_proc(brokers[n]) != NULL;
    if (strcmp(verb, "kill") == 0 && runs)
        broker_kill(brokers[n]);
    else if (strcmp(verb, "start") == 0 && !runs)
        broker_start(brokers[n]);
    else
        return false;
    return true;
}

void hold_run(const struct cluster_kind *kind)
{
    static const struct broker_options alone = {.persistence = true,
                                                .extra = "log_type none\n"
                                                         "log_type information\n"};
    struct cluster *cluster = kind ? cluster_create(kind) : NULL;
    struct broker *brokers[CLUSTER_NODES];
    char line[64];
    for (unsigned i = 0; i < CLUSTER_NODES; i++)
        brokers[i] = cluster ? cluster_node(cluster, i) : broker_create(&alone);
    printf("ports %u %u %u\n", broker_port(brokers[0]), broker_port(brokers[1]),
           broker_port(brokers[2]));
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        puts(obey(brokers, line) ? "done" : "kill N or start N");
        fflush(stdout);
    }
    for (unsigned i = 0; !cluster && i < CLUSTER_NODES; i++)
        broker_destroy(brokers[i]);
    cluster_destroy(cluster);
}
