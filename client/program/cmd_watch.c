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
#include <termios.h>
#include <unistd.h>

#include "base/text.h"
#include "output.h"
#include "program.h"
#include "shown.h"
#include "watch_keys.h"
#include "watch_view.h"

enum { REDRAW_MS = 100, STATE_MAX = 120 };

struct watch {
    bool terminal; /* standard output is one */
    bool draw;     /* a table on it */
    bool colours;
    bool keys;   /* are read from a terminal */
    size_t room; /* for rows, when last drawn */
    int wake_fd;
    int resize_fd;          /* SIGWINCH, when drawing */
    int stop_fd;            /* the signals to stop; never read, so that it stays readable for all */
    struct output out, err; /* out: the drawing thread's, or the client's thread's for lines */
    struct buf line;        /* the client's thread's */

    pthread_mutex_t lock; /* for what the client's thread changes */
    struct view view;
    char state[STATE_MAX + 1];
    bool lost;   /* and not yet connected again */
    size_t top;  /* rows scrolled away */
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
static bool print_line(struct watch *watch, const char *json, size_t len)
{
    buf_clear(&watch->line);
    buf_add(&watch->line, json, len);
    if (buf_ok(&watch->line))
        shown_line(watch->line.data, watch->terminal);
    buf_str(&watch->line, "\n");
    return buf_ok(&watch->line) && output_write(&watch->out, watch->line.data, watch->line.len);
}

static void complain(struct watch *watch, const char *why)
{
    buf_clear(&watch->line);
    buf_printf(&watch->line, "studio-client: %s", why);
    if (buf_ok(&watch->line))
        shown_line(watch->line.data, true);
    buf_str(&watch->line, "\n");
    if (buf_ok(&watch->line))
        (void)output_write(&watch->err, watch->line.data, watch->line.len);
}

static void pushed(void *ctx, enum studio_client_push kind, const char *json, size_t len)
{
    struct watch *watch = ctx;

    if (!watch->draw) {
        if (print_line(watch, json, len))
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
    else if (kind == STUDIO_PUSH_REMOVED)
        view_removed(&watch->view, json);
    else if (kind == STUDIO_PUSH_PRESENCE)
        view_presence(&watch->view, json);
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
    if (state == STUDIO_CLIENT_WAITING)
        view_stale(&watch->view);
    bool say = state == STUDIO_CLIENT_WAITING || (state == STUDIO_CLIENT_READY && watch->lost);
    if (state == STUDIO_CLIENT_WAITING || state == STUDIO_CLIENT_READY)
        watch->lost = state == STUDIO_CLIENT_WAITING;
    watch->closed = state == STUDIO_CLIENT_CLOSED;
    pthread_mutex_unlock(&watch->lock);
    if (say && !watch->draw)
        complain(watch, why);
    wake(watch);
}

/* False when the terminal has gone or it is time to stop. */
static bool draw(struct watch *watch)
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
                                     .state = watch->state,
                                     .top = watch->top};
    watch->room = view_room(&watch->view, size.ws_row);
    view_print(&watch->view, &style, &screen);
    pthread_mutex_unlock(&watch->lock);
    bool written = !buf_ok(&screen) || output_write(&watch->out, screen.data, screen.len);
    buf_finish(&screen);
    return written;
}

/* Each key by itself and unseen; not when in the background, where that would stop the program. */
static bool take_keys(struct termios *before)
{
    if (tcgetattr(STDIN_FILENO, before) != 0 || tcgetpgrp(STDIN_FILENO) != getpgrp())
        return false;
    struct termios silent = *before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
    return tcsetattr(STDIN_FILENO, TCSANOW, &silent) == 0;
}

/* False when it is time to end. */
static bool obey_keys(struct watch *watch)
{
    char typed[64];
    ssize_t n = read(STDIN_FILENO, typed, sizeof(typed));

    if (n <= 0)
        watch->keys = false;
    for (size_t at = 0, len; n > 0 && at < (size_t)n; at += len) {
        enum watch_key key = watch_key_of(typed + at, (size_t)n - at, &len);
        if (key == KEY_QUIT)
            return false;
        pthread_mutex_lock(&watch->lock);
        watch->top = watch_scroll(key, watch->top, watch->view.count, watch->room);
        pthread_mutex_unlock(&watch->lock);
    }
    return true;
}

/* Until a signal, a closed pipe, or the end of the connection for good. */
static void follow(struct watch *watch)
{
    enum { STOP, CHANGED, RESIZED, READER, KEYS, COUNT };
    struct pollfd fds[COUNT] = {[STOP] = {.fd = watch->stop_fd, .events = POLLIN},
                                [CHANGED] = {.fd = watch->wake_fd, .events = POLLIN},
                                [RESIZED] = {.fd = watch->resize_fd, .events = POLLIN},
                                /* Without events it tells of a reader that has gone. */
                                [READER] = {.fd = watch->draw ? -1 : STDOUT_FILENO},
                                [KEYS] = {.fd = STDIN_FILENO, .events = POLLIN}};
    struct signalfd_siginfo resized;
    uint64_t count;

    for (;;) {
        if (watch->draw) {
            if (!draw(watch))
                return;
            (void)poll(&fds[STOP], 1, REDRAW_MS); /* not more often than that */
        }
        fds[KEYS].fd = watch->keys ? STDIN_FILENO : -1;
        if (poll(fds, COUNT, -1) < 0 && errno != EINTR)
            return;
        if (fds[KEYS].revents != 0 && !obey_keys(watch))
            return;
        if (fds[STOP].revents != 0 || fds[READER].revents != 0)
            return;
        if ((fds[RESIZED].revents != 0 && read(watch->resize_fd, &resized, sizeof(resized)) < 0) ||
            (fds[CHANGED].revents != 0 && read(watch->wake_fd, &count, sizeof(count)) < 0))
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
    const char *const own[] = {program->table_id};

    if (program->args.all)
        return studio_client_subscribe(client, all, 1, error);
    if (program->args.count > 0)
        return studio_client_subscribe(client, program->args.rest, (size_t)program->args.count,
                                       error);
    return studio_client_subscribe(client, own, 1, error);
}

/* A device may watch its own table only; a server without envelopes has no subscriptions, but has sent
 * the document (NULL: it has not). After the client's thread, which prints as well, has ended. */
static int not_subscribed(struct watch *watch, const struct program *program, const char *document,
                          const struct studio_error *error)
{
    bool others = program->args.all || program->args.count > 0 ||
                  strcmp(program->table_id, program->options.table_id) != 0;

    if (error->code == STUDIO_ERR_NOT_PERMITTED && others) {
        program_say(
            "%s: the token of a device may watch its own table only; ask for one of a viewer "
            "(on the agent: studio-agent token new wall --role viewer) and give it with "
            "--id wall",
            error->text);
        return EXIT_REFUSED;
    }
    if (program_exit_code(error->code) != EXIT_REFUSED || others)
        return program_fail(error);
    if (document != NULL)
        (void)print_line(watch, document, strlen(document));
    program_say("this server cannot be watched (%s); it has told the status once, at the login",
                error->text);
    return EXIT_REFUSED;
}

static int run(struct watch *watch, struct program *program)
{
    struct studio_error error;
    int exit_code;
    struct studio_client *client = program_connect(program, &exit_code);

    if (client == NULL)
        return exit_code;
    if (subscribe(client, program, &error) != STUDIO_OK) {
        char *document = studio_client_greeting(client);
        studio_client_close(client);
        exit_code = not_subscribed(watch, program, document, &error);
        free(document);
        return exit_code;
    }
    if (watch->draw)
        (void)output_write(&watch->out, "\x1b[2J\x1b[?25l", 10);
    struct termios before;
    bool taken = watch->keys = watch->draw && take_keys(&before);
    follow(watch);
    if (taken)
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    if (watch->draw)
        (void)output_write(&watch->out, "\x1b[?25h\r\n", 8);
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
    const bool terminal = isatty(STDOUT_FILENO) != 0;
    struct watch watch = {
        .terminal = terminal, .draw = terminal && !program->args.json, .resize_fd = -1};
    sigset_t stop, resize, both;
    const char *no_color = getenv("NO_COLOR");

    if (program->args.all && program->args.count > 0) {
        fputs("studio-client: watch takes table names or --all, not both\n", stderr);
        return EXIT_USAGE;
    }
    watch.colours = no_color == NULL || no_color[0] == '\0';
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    sigemptyset(&resize);
    sigaddset(&resize, SIGWINCH);
    sigorset(&both, &stop, &resize);
    sigprocmask(SIG_BLOCK, &both, NULL);
    watch.stop_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    watch.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watch.draw)
        watch.resize_fd = signalfd(-1, &resize, SFD_CLOEXEC | SFD_NONBLOCK);
    output_init(&watch.out, STDOUT_FILENO, watch.stop_fd);
    output_init(&watch.err, STDERR_FILENO, watch.stop_fd);
    buf_init(&watch.line, SIZE_MAX);
    pthread_mutex_init(&watch.lock, NULL);
    view_init(&watch.view, &program->lists);

    program->options.no_reconnect = false;
    program->options.presence = watch.draw; /* a pipe gets documents as they always were */
    program->options.on_push = pushed;
    program->options.on_state = state_changed;
    program->options.ctx = &watch;
    int exit_code = EXIT_REFUSED;
    if (watch.stop_fd < 0 || watch.wake_fd < 0)
        perror("studio-client: watch");
    else
        exit_code = run(&watch, program);

    view_finish(&watch.view);
    pthread_mutex_destroy(&watch.lock);
    buf_finish(&watch.line);
    output_finish(&watch.out);
    output_finish(&watch.err);
    if (watch.stop_fd >= 0)
        close(watch.stop_fd);
    if (watch.wake_fd >= 0)
        close(watch.wake_fd);
    if (watch.resize_fd >= 0)
        close(watch.resize_fd);
    return exit_code;
}
