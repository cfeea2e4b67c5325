/* studio-client watch: a live table on a terminal, lines of JSON elsewhere. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/text.h"
#include "program.h"
#include "watch_view.h"

enum { REDRAW_MS = 100, STATE_MAX = 120 };

struct watch {
    bool draw; /* a table on a terminal */
    bool colours;
    int wake_fd, signal_fd;

    pthread_mutex_t lock; /* for what the client's thread changes */
    struct view view;
    char state[STATE_MAX + 1];
    bool lost;   /* and not yet connected again */
    bool closed; /* for good */
    bool write_failed;
};

static void wake(const struct watch *watch)
{
    const uint64_t one = 1;

    if (write(watch->wake_fd, &one, sizeof(one)) < 0)
        return; /* the counter is full: it is awake */
}

/* Straight from the client's thread: a slow reader of the pipe slows the reading of the connection,
 * and the agent then joins what is not read yet; nothing piles up here. */
static bool print_line(const char *json, size_t len)
{
    return fwrite(json, 1, len, stdout) == len && putchar('\n') != EOF && fflush(stdout) == 0;
}

static void pushed(void *ctx, enum studio_client_push kind, const char *json, size_t len)
{
    struct watch *watch = ctx;

    if (!watch->draw) {
        if (print_line(json, len))
            return;
        pthread_mutex_lock(&watch->lock);
        watch->write_failed = true;
        pthread_mutex_unlock(&watch->lock);
        wake(watch);
        return;
    }
    pthread_mutex_lock(&watch->lock);
    if (kind == STUDIO_PUSH_STATUS)
        (void)view_document(&watch->view, json); /* the next push shows it again */
    else
        view_note(&watch->view, json);
    pthread_mutex_unlock(&watch->lock);
    wake(watch);
}

static void state_changed(void *ctx, enum studio_client_state state, const char *why)
{
    struct watch *watch = ctx;

    pthread_mutex_lock(&watch->lock);
    snprintf(watch->state, sizeof(watch->state), "%s%s", why,
             state == STUDIO_CLIENT_WAITING ? "; connecting again" : "");
    watch->state[text_utf8_cut(watch->state, strlen(watch->state))] = '\0';
    bool say = state == STUDIO_CLIENT_WAITING || (state == STUDIO_CLIENT_READY && watch->lost);
    if (state == STUDIO_CLIENT_WAITING || state == STUDIO_CLIENT_READY)
        watch->lost = state == STUDIO_CLIENT_WAITING;
    watch->closed = state == STUDIO_CLIENT_CLOSED;
    pthread_mutex_unlock(&watch->lock);
    if (say && !watch->draw)
        fprintf(stderr, "studio-client: %s\n", why);
    wake(watch);
}

static void draw(struct watch *watch)
{
    struct winsize size = {.ws_col = 80, .ws_row = 24};
    struct buf screen;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        size = (struct winsize){.ws_col = 80, .ws_row = 24};
    buf_init(&screen, 1 << 20);
    pthread_mutex_lock(&watch->lock);
    const struct view_style style = {.columns = size.ws_col,
                                     .lines = size.ws_row,
                                     .colours = watch->colours,
                                     .state = watch->state};
    view_print(&watch->view, &style, &screen);
    pthread_mutex_unlock(&watch->lock);
    if (buf_ok(&screen) && screen.data != NULL) {
        fwrite(screen.data, 1, screen.len, stdout);
        fflush(stdout);
    }
    buf_finish(&screen);
}

/* True when a signal says to stop; a changed window size only draws again. */
static bool stop_asked(const struct watch *watch)
{
    struct signalfd_siginfo info;

    while (read(watch->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo != SIGWINCH)
            return true;
    return false;
}

/* Until a signal, a closed pipe, or the end of the connection for good. */
static void follow(struct watch *watch)
{
    /* The third tells of a pipe whose reader has gone, even when nothing is to be written. */
    struct pollfd fds[] = {{.fd = watch->signal_fd, .events = POLLIN},
                           {.fd = watch->wake_fd, .events = POLLIN},
                           {.fd = watch->draw ? -1 : STDOUT_FILENO, .events = 0}};
    uint64_t count;

    for (;;) {
        if (watch->draw) {
            draw(watch);
            (void)poll(fds, 1, REDRAW_MS); /* not more often than that */
        }
        if (poll(fds, 3, -1) < 0 && errno != EINTR)
            return;
        if ((fds[0].revents != 0 && stop_asked(watch)) || fds[2].revents != 0)
            return;
        if (fds[1].revents != 0 && read(watch->wake_fd, &count, sizeof(count)) < 0)
            continue;
        pthread_mutex_lock(&watch->lock);
        bool over = watch->closed || watch->write_failed;
        pthread_mutex_unlock(&watch->lock);
        if (over)
            return;
    }
}

static enum studio_err subscribe(struct studio_client *client, const struct program *program,
                                 struct studio_error *error)
{
    const char *const all[] = {"*"};
    const char *const own[] = {program->options.table_id};

    if (program->args.all)
        return studio_client_subscribe(client, all, 1, error);
    if (program->args.count > 0)
        return studio_client_subscribe(client, program->args.rest, (size_t)program->args.count,
                                       error);
    return studio_client_subscribe(client, own, 1, error);
}

static int run(struct watch *watch, struct program *program)
{
    struct studio_error error;
    int exit_code;
    struct studio_client *client = program_connect(program, &exit_code);

    if (client == NULL)
        return exit_code;
    if (subscribe(client, program, &error) != STUDIO_OK) {
        exit_code = program_fail(&error);
        studio_client_close(client);
        return exit_code;
    }
    if (watch->draw)
        fputs("\x1b[2J\x1b[?25l", stdout);
    follow(watch);
    if (watch->draw)
        fputs("\x1b[?25h\r\n", stdout);
    pthread_mutex_lock(&watch->lock);
    bool closed = watch->closed;
    pthread_mutex_unlock(&watch->lock);
    if (closed) {
        /* A call on a closed client says why it is closed. */
        char *document;
        if (studio_client_get(client, NULL, &document, &error) != STUDIO_OK)
            exit_code = program_fail(&error);
        free(document);
    }
    studio_client_close(client);
    return exit_code;
}

int cmd_watch(struct program *program)
{
    struct watch watch = {.draw = isatty(STDOUT_FILENO) && !program->args.json};
    sigset_t signals;
    const char *no_color = getenv("NO_COLOR");

    if (program->args.all && program->args.count > 0) {
        fputs("studio-client: watch takes table names or --all, not both\n", stderr);
        return EXIT_USAGE;
    }
    watch.colours = no_color == NULL || no_color[0] == '\0';
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    if (watch.draw)
        sigaddset(&signals, SIGWINCH);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    watch.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    watch.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&watch.lock, NULL);
    view_init(&watch.view, &program->lists);

    program->options.no_reconnect = false;
    program->options.on_push = pushed;
    program->options.on_state = state_changed;
    program->options.ctx = &watch;
    int exit_code = EXIT_REFUSED;
    if (watch.signal_fd < 0 || watch.wake_fd < 0)
        perror("studio-client: watch");
    else
        exit_code = run(&watch, program);

    view_finish(&watch.view);
    pthread_mutex_destroy(&watch.lock);
    if (watch.signal_fd >= 0)
        close(watch.signal_fd);
    if (watch.wake_fd >= 0)
        close(watch.wake_fd);
    return exit_code;
}
