#include "cmd/texts.h"

#include <stddef.h>

const char text_intro[] =
    "keeps the status of gaming tables: devices report it over WebSocket,\n"
    "every change is made durable, answered, pushed to watchers and mirrored to MQTT.";

const char text_options[] =
    "Every option has a key in the file (INI: a [section] line, then key = value lines) and a\n"
    "variable STUDIO_<SECTION>_<KEY>. Defaults, file, environment, command line: the later wins.";

const struct text_row text_forms[] = {
    {"[-c FILE] [OPTION...]", "run until SIGTERM or SIGINT"},
    {"check [-c FILE] [OPTION...]", "say what is wrong with a configuration"},
    {"setup [HOST...] -c FILE [--mosquitto DIR]",
     "a first configuration: an authority and a certificate for this machine, and with the folder "
     "of "
     "a Mosquitto's configuration, /etc/mosquitto, a broker with logins"},
    {"token new PATTERN [--role device|viewer|operator] [--expires YYYY-MM-DD] [--tables N] "
     "[--password | --certificate]",
     "make a user, print its token once; N tables at most, of a pattern for many (256); "
     "--password: "
     "a token of your own choice, from standard input; --certificate: none, who shows a "
     "certificate with such an id is let in"},
    {"user add ID [--role device|viewer|operator] [--expires YYYY-MM-DD] [--tables N] [--password] "
     "[--topic-root T]",
     "the same, and what Mosquitto is to be told of the user: for its password file and access "
     "list"},
    {"token list",
     "the users, in the file of --tokens, --data or -c, and on which day each was last there"},
    {"token revoke HASH|PATTERN [--certificate]",
     "take users away; --certificate: of a pattern only lines without a token"},
    {"reload --data DIR", "have a running agent read its tokens and certificate again"},
    {"republish --data DIR", "have it publish everything retained again"},
    {"handover --data DIR", "have it leave its tables to the standby that waits for them"},
    {"doctor [-c FILE] [OPTION...] [--json]",
     "is all right that an agent needs, and what to do if not"},
    {"support [FILE] [-c FILE] [OPTION...] [--log FILE]",
     "all that somebody who helps wants to know, without secrets"},
    {"backup FILE --data DIR", "copy the store into a new file, also of a running agent"},
    {"store check --data DIR", "look whether all is sound, and change nothing"},
    {"store verify FILE --data DIR", "has the subscriber that wrote FILE all that the store has"},
    {"store export --data DIR", "the whole store as lines of JSON"},
    {"store import --data DIR", "such lines into an empty directory"},
    {"store restored --data DIR",
     "number anew: the store is older than what subscribers have seen"},
    {"store check|export|import|restored -c FILE",
     "the same with a store in a database, which store.url in FILE or STUDIO_STORE_URL names"},
    {"--version | --help | --help options", ""},
    {NULL, NULL},
};

const struct text_row text_flags[] = {
    {"-c, --config FILE", "read this configuration file"},
    {"--set SECTION.KEY=VALUE", "any option, also one without its own flag"},
    {"-h, --help [options]", "this text; options: the table of all in Markdown"},
    {"--version", "the version"},
    {NULL, NULL},
};

const struct text_row text_examples[] = {
    {"studio-agent token new 'ARO-001_*'",
     "make the first user: any device of table ARO-001; prints its token once"},
    {"studio-agent", "a status server on ws://localhost:8080 that keeps its data in ./studio-data"},
    {"studio-agent --listen 0.0.0.0:8080 --broker mqtt://localhost --data /var/lib/studio",
     "open to the network and mirrored to MQTT"},
    {"STUDIO_LOG_LEVEL=debug studio-agent -c /etc/studio-agent/agent.ini",
     "a file, and one option over it"},
    {NULL, NULL},
};

const struct text_row text_exit_codes[] = {
    {"0", "orderly"},
    {"1", "failed while running"},
    {"2", "usage or configuration"},
    {"3", "port in use or not allowed"},
    {"4", "store unusable"},
    {NULL, NULL},
};
