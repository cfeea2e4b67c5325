/* studio-client events: everything that happens, a line of JSON for each event, without a gap. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "output.h"
#include "place.h"
#include "program.h"
#include "shown.h"

enum { SAVE_MS = 1000 /* at most so often */ };

struct events {
    struct studio_client_stream *stream;
    const char *state; /* the file; NULL: none */
    int stop_fd;       /* the signals to stop; never read */
    int over_fd;       /* the stream has ended */
    struct output out, err;
    bool terminal;
    /* The following thread's: */
    struct buf line;
    char id[PLACE_MAX + 1], saved[PLACE_MAX + 1];
    int64_t saved_ms;
    bool lost;
    struct studio_error error; /* why it ended */
};

static bool write_line(struct events *e, const struct output *out, bool terminal)
{
    if (buf_ok(&e->line))
        shown_line(e->line.data, terminal);
    buf_str(&e->line, "\n");
    return buf_ok(&e->line) && output_write(out, e->line.data, e->line.len);
}

static void complain(struct events *e, const char *what, const char *why)
{
    buf_clear(&e->line);
    buf_printf(&e->line, "studio-client: %s%s", what, why);
    (void)write_line(e, &e->err, true);
}

/* Only what has been written out: after an end in between some lines come again, none is missing. */
static void save(struct events *e)
{
    if (e->state == NULL || strcmp(e->id, e->saved) == 0)
        return;
    e->saved_ms = clock_mono(clock_system());
    if (place_write(e->state, e->id))
        memcpy(e->saved, e->id, sizeof(e->id));
    else
        complain(e, "the state cannot be kept: ", strerror(errno));
}

/* All up to this id has been written out, or was not asked for. */
static void reached(void *ctx, const char *id)
{
    struct events *e = ctx;

    snprintf(e->id, sizeof(e->id), "%s", id);
    if (clock_mono(clock_system()) - e->saved_ms >= SAVE_MS)
        save(e);
}

/* An event as it is; what is none says what it is. */
static bool take(void *ctx, const struct studio_client_event *event)
{
    struct events *e = ctx;
    bool plain = strcmp(event->event, "status") != 0 && strcmp(event->event, "reset") != 0;

    buf_clear(&e->line);
    if (plain) {
        buf_add(&e->line, event->json, event->len);
    } else {
        buf_printf(&e->line, "{\"event\":\"%s\",\"data\":", event->event);
        buf_add(&e->line, event->json, event->len);
        buf_str(&e->line, "}");
    }
    if (!write_line(e, &e->out, e->terminal))
        return false;
    reached(e, event->id);
    return true;
}

static void state_changed(void *ctx, enum studio_client_state state, const char *why)
{
    struct events *e = ctx;

    if (state == STUDIO_CLIENT_WAITING && !e->lost)
        complain(e, why, "; connecting again");
    else if (state == STUDIO_CLIENT_READY && e->lost)
        complain(e, "connected again", "");
    if (state == STUDIO_CLIENT_WAITING || state == STUDIO_CLIENT_READY)
        e->lost = state == STUDIO_CLIENT_WAITING;
}

static void *follow(void *arg)
{
    struct events *e = arg;
    const uint64_t one = 1;

    if (studio_client_stream_run(e->stream, &e->error) == STUDIO_OK)
        e->error.code = STUDIO_OK;
    save(e);
    (void)!write(e->over_fd, &one, sizeof(one));
    return NULL;
}

/* Until a signal, a reader that has gone, or the end of the stream. */
static void wait_for_the_end(const struct events *e)
{
    struct pollfd fds[] = {{.fd = e->stop_fd, .events = POLLIN},
                           {.fd = e->over_fd, .events = POLLIN},
                           /* Without events it tells of a reader that has gone. */
                           {.fd = STDOUT_FILENO}};

    while (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0 && errno == EINTR)
        ;
}

static int run(struct events *e, const struct program *program)
{
    const struct studio_client_stream_query query = {
        .tables = program->args.tables,
        .kinds = program->args.kinds,
        .last_id = e->id,
        .from_seq = program->args.from_seq,
        .on_event = take,
        .on_place = reached,
    };
    struct studio_error error;
    pthread_t thread;

    if (studio_client_stream_create(&program->options, &query, &e->stream, &error) != STUDIO_OK)
        return program_fail(&error);
    if (pthread_create(&thread, NULL, follow, e) != 0) {
        perror("studio-client: events");
        return EXIT_REFUSED;
    }
    wait_for_the_end(e);
    studio_client_stream_stop(e->stream);
    pthread_join(thread, NULL);
    return e->error.code == STUDIO_OK ? EXIT_CONFIRMED : program_fail(&e->error);
}

static int find_place(struct events *e, const struct program *program)
{
    e->state = program->args.state;
    if (e->state == NULL || place_read(e->state, e->saved)) {
        memcpy(e->id, e->saved, sizeof(e->id));
        return EXIT_CONFIRMED;
    }
    program_say("the state in %.200s cannot be read: %s", e->state,
                errno != 0 ? strerror(errno) : "it is none of this program's");
    return EXIT_USAGE;
}

int cmd_events(struct program *program)
{
    struct events e = {.terminal = isatty(STDOUT_FILENO) != 0};
    int exit_code = find_place(&e, program);
    sigset_t stop;

    if (exit_code != EXIT_CONFIRMED)
        return exit_code;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    e.stop_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    e.over_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    output_init(&e.out, STDOUT_FILENO, e.stop_fd);
    output_init(&e.err, STDERR_FILENO, e.stop_fd);
    buf_init(&e.line, SIZE_MAX);
    program->options.no_reconnect = false;
    program->options.on_state = state_changed;
    program->options.ctx = &e;
    if (e.stop_fd < 0 || e.over_fd < 0) {
        perror("studio-client: events");
        exit_code = EXIT_REFUSED;
    } else {
        exit_code = run(&e, program);
    }
    studio_client_stream_destroy(e.stream);
    buf_finish(&e.line);
    output_finish(&e.out);
    output_finish(&e.err);
    if (e.stop_fd >= 0)
        close(e.stop_fd);
    if (e.over_fd >= 0)
        close(e.over_fd);
    return exit_code;
}
