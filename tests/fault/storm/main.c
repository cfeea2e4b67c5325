/* main.c - the storm as a program; see tests/fault/run --help. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault/storm/hold.h"
#include "fault/storm/storm.h"

static void usage(FILE *out)
{
    char *kinds = storm_kinds();
    fprintf(out,
            "Usage: storm [OPTION...]\n"
            "  --seconds N     at least so long (60)\n"
            "  --kills N       and at least so many kill -9 of the agent (0)\n"
            "  --round N       seconds of storm before each judgement (30)\n"
            "  --seed N        the same choices again (else one is made up and printed)\n"
            "  --kinds A,B     only these attacks, of: %s\n"
            "  --brokers N     1 to 3 brokers, that fail in turn (1)\n"
            "  --cluster KIND  three nodes of a cluster instead: rabbitmq or nats; exit status 77 "
            "where it\n"
            "                  is not installed. Only attacks that leave two of three nodes\n"
            "  --writers N  --tables N  --rate N    (50, 20, 500 updates per second in all)\n"
            "  --sync-ms N     each sync of the agent takes so much longer (every other round 20)\n"
            "  --agent NAME    program in $STUDIO_BIN (studio-agent)\n"
            "  --env NAME=VALUE   for the agent\n"
            "  --quiet         only the summary\n"
            "  --hold          no storm: three brokers, or those of --cluster, to try something "
            "on; prints\n"
            "                  their ports, does as it reads: kill N, start N\n"
            "Exit status: 0 no promise was broken, 1 some were (see above), 2 usage.\n",
            kinds);
    free(kinds);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seconds", required_argument, NULL, 's'},
                                            {"kills", required_argument, NULL, 'k'},
                                            {"round", required_argument, NULL, 'r'},
                                            {"seed", required_argument, NULL, 'S'},
                                            {"kinds", required_argument, NULL, 'K'},
                                            {"brokers", required_argument, NULL, 'b'},
                                            {"cluster", required_argument, NULL, 'c'},
                                            {"writers", required_argument, NULL, 'w'},
                                            {"tables", required_argument, NULL, 't'},
                                            {"rate", required_argument, NULL, 'R'},
                                            {"sync-ms", required_argument, NULL, 'y'},
                                            {"agent", required_argument, NULL, 'a'},
                                            {"env", required_argument, NULL, 'e'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"hold", no_argument, NULL, 'H'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct storm_options o = {.seconds = 60};
    bool hold = false;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        unsigned long number = optarg ? strtoul(optarg, NULL, 10) : 0;
        switch (c) {
        case 's':
            o.seconds = (unsigned)number;
            break;
        case 'k':
            o.kills = (unsigned)number;
            break;
        case 'r':
            o.round_s = (unsigned)number;
            break;
        case 'S':
            o.seed = number;
            break;
        case 'K':
            o.kinds = optarg;
            break;
        case 'b':
            o.brokers = number >= 1 && number <= RIG_BROKERS_MAX ? (unsigned)number : 1;
            break;
        case 'c':
            o.cluster = cluster_find(optarg);
            if (!o.cluster) {
                usage(stderr);
                return 2;
            }
            break;
        case 'w':
            o.writers = (unsigned)number;
            break;
        case 't':
            o.tables = (unsigned)number;
            break;
        case 'R':
            o.rate = (unsigned)number;
            break;
        case 'y':
            o.sync_ms = (unsigned)number;
            break;
        case 'a':
            o.program = optarg;
            break;
        case 'e':
            o.variable = optarg;
            break;
        case 'q':
            o.quiet = true;
            break;
        case 'H':
            hold = true;
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    }
    const char *missing = o.cluster ? cluster_missing(o.cluster) : NULL;
    if (missing) {
        fprintf(stderr, "storm: %s\n", missing);
        return 77;
    }
    if (hold) {
        hold_run(o.cluster);
        return 0;
    }
    return storm_run(&o).complaints == 0 ? 0 : 1;
}
