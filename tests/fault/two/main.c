/* main.c - the trials of two machines as a program; see tests/README.md. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault/two/trials.h"

enum { SKIPPED = 77 };

static void usage(FILE *out)
{
    char *kinds = trials_kinds();
    fprintf(
        out,
        "Usage: two [OPTION...]\n"
        "Two agents, two databases and a broker on hosts that are network namespaces (root only):\n"
        "one failure a round under load, then the court.\n"
        "  --rounds N      (one of each kind)\n"
        "  --seed N        the same choices again (else one is made up and printed)\n"
        "  --kinds A,B     only these, in this order, of: %s\n"
        "  --writers N  --tables N  --rate N    (50, 20, 500 updates per second in all)\n"
        "  --logs DIR      what the agents say is added to a.log and b.log there\n"
        "  --quiet         only the summary\n"
        "Exit status: 0 no promise was broken, 1 some were (see above), 2 usage, 77 not possible "
        "here.\n",
        kinds);
    free(kinds);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"rounds", required_argument, NULL, 'r'}, {"seed", required_argument, NULL, 'S'},
        {"kinds", required_argument, NULL, 'K'},  {"writers", required_argument, NULL, 'w'},
        {"tables", required_argument, NULL, 't'}, {"rate", required_argument, NULL, 'R'},
        {"logs", required_argument, NULL, 'l'},   {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    struct trials_options o = {.rounds = 0};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        unsigned long number = optarg ? strtoul(optarg, NULL, 10) : 0;
        switch (c) {
        case 'r':
            o.rounds = (unsigned)number;
            break;
        case 'S':
            o.seed = number;
            break;
        case 'K':
            o.kinds = optarg;
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
        case 'l':
            o.logs = optarg;
            break;
        case 'q':
            o.quiet = true;
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    }
    if (!trials_possible()) {
        fputs("two: not possible here: it needs root, namespaces, iproute2 and PostgreSQL\n",
              stderr);
        return SKIPPED;
    }
    return trials_run(&o).complaints == 0 ? 0 : 1;
}
