#include "support/tunnel.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/port.h"

enum { PIECE = 16384, STEP_MS = 50 };

struct tunnel {
    struct port port;
    uint16_t server;
    SSL_CTX *context;
    pthread_t thread;
    atomic_bool stop;
    atomic_int open; /* connections */
};

static SSL_CTX *context_of(const struct tunnel_options *o)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    char key[512];

    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY); /* a ticket is no data to wait for */
    if (o->version) {
        SSL_CTX_set_security_level(context, 0); /* TLS 1.1 is asked for in earnest */
        SSL_CTX_set_min_proto_version(context, o->version);
        SSL_CTX_set_max_proto_version(context, o->version);
    }
    if (o->ca && SSL_CTX_load_verify_locations(context, o->ca, NULL) != 1)
        test_fail("cannot read %s", o->ca);
    SSL_CTX_set_verify(context, o->ca ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (o->cert) {
        snprintf(key, sizeof(key), "%s.key", o->cert);
        if (SSL_CTX_use_certificate_chain_file(context, o->cert) != 1 ||
            SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
            test_fail("cannot use %s", o->cert);
    }
    return context;
}

/* Blocks. The socket is the SSL's: end_tls closes it. NULL: no handshake. */
static SSL *begin_tls(SSL_CTX *context, uint16_t server)
{
    SSL *ssl = SSL_new(context);
    int fd = port_connect(server);

    if (fd < 0)
        test_fail("nobody listens on port %u", server);
    SSL_set_fd(ssl, fd);
    SSL_set1_host(ssl, "localhost");
    SSL_set_tlsext_host_name(ssl, "localhost");
    ERR_clear_error();
    if (SSL_connect(ssl) == 1)
        return ssl;
    close(fd);
    SSL_free(ssl);
    return NULL;
}

static void end_tls(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);

    SSL_free(ssl);
    close(fd);
}

static bool send_all(int fd, const char *bytes, int len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, (size_t)len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        bytes += n;
        len -= (int)n;
    }
    return true;
}

/* Carries what there is, either way. False: one side has ended. */
static bool carry(int plain, SSL *ssl)
{
    char bytes[PIECE];
    struct pollfd fds[2] = {{.fd = plain, .events = POLLIN},
                            {.fd = SSL_get_fd(ssl), .events = POLLIN}};
    int n;

    if (poll(fds, 2, STEP_MS) < 0)
        return errno == EINTR;
    if (fds[0].revents) {
        n = (int)recv(plain, bytes, sizeof(bytes), 0);
        if (n <= 0 || SSL_write(ssl, bytes, n) != n)
            return false;
    }
    if (!fds[1].revents)
        return true;
    do { /* the rest of a record no socket announces */
        n = SSL_read(ssl, bytes, sizeof(bytes));
        if (n <= 0)
            return SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ;
        if (!send_all(plain, bytes, n))
            return false;
    } while (SSL_pending(ssl) > 0);
    return true;
}

struct connection {
    struct tunnel *tunnel;
    int plain;
};

static void *connect_through(void *arg)
{
    struct connection c = *(struct connection *)arg;
    SSL *ssl = begin_tls(c.tunnel->context, c.tunnel->server);

    free(arg);
    while (ssl && !atomic_load(&c.tunnel->stop) && carry(c.plain, ssl))
        ;
    if (ssl) {
        SSL_shutdown(ssl);
        end_tls(ssl);
    }
    close(c.plain);
    atomic_fetch_sub(&c.tunnel->open, 1);
    return NULL;
}

static void *serve(void *arg)
{
    struct tunnel *t = arg;
    struct pollfd fd = {.fd = t->port.fd, .events = POLLIN};

    while (!atomic_load(&t->stop)) {
        struct connection *c;
        pthread_t thread;
        int plain;

        if (poll(&fd, 1, STEP_MS) <= 0 || (plain = accept(t->port.fd, NULL, NULL)) < 0)
            continue;
        c = test_alloc(sizeof(*c));
        *c = (struct connection){t, plain};
        atomic_fetch_add(&t->open, 1);
        pthread_create(&thread, NULL, connect_through, c);
        pthread_detach(thread);
    }
    return NULL;
}

struct tunnel *tunnel_create(uint16_t server, const struct tunnel_options *options)
{
    static const struct tunnel_options none;
    struct tunnel *t = test_alloc(sizeof(*t));

    t->server = server;
    t->context = context_of(options ? options : &none);
    port_occupy(&t->port);
    if (listen(t->port.fd, SOMAXCONN) != 0) /* many may come at once */
        test_fail("cannot listen: %s", strerror(errno));
    pthread_create(&t->thread, NULL, serve, t);
    return t;
}

void tunnel_destroy(struct tunnel *t)
{
    static const struct timespec step = {.tv_nsec = 2000000};

    if (!t)
        return;
    atomic_store(&t->stop, true);
    pthread_join(t->thread, NULL);
    while (atomic_load(&t->open) > 0)
        nanosleep(&step, NULL);
    port_release(&t->port);
    SSL_CTX_free(t->context);
    free(t);
}

uint16_t tunnel_port(const struct tunnel *t)
{
    return t->port.number;
}

const char *tunnel_try(uint16_t server, const struct tunnel_options *options)
{
    static char words[256];
    SSL_CTX *context = context_of(options);
    SSL *ssl = begin_tls(context, server);
    char byte;

    words[0] = '\0';
    if (ssl) { /* by TLS 1.3 it says what it does not like only afterwards: it is asked something */
        static const char ask[] = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

        SSL_set_mode(ssl, SSL_MODE_AUTO_RETRY);
        if (SSL_write(ssl, ask, sizeof(ask) - 1) <= 0 || SSL_read(ssl, &byte, 1) <= 0)
            ERR_error_string_n(ERR_peek_last_error(), words, sizeof(words));
        end_tls(ssl);
    } else {
        ERR_error_string_n(ERR_peek_last_error(), words, sizeof(words));
    }
    SSL_CTX_free(context);
    return words;
}

const char *tunnel_name(uint16_t server)
{
    static const struct tunnel_options none;
    static char name[128];
    SSL_CTX *context = context_of(&none);
    SSL *ssl = begin_tls(context, server);
    X509 *shown = ssl ? SSL_get1_peer_certificate(ssl) : NULL;

    if (!shown)
        test_fail("no certificate was shown on port %u", server);
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof(name));
    X509_free(shown);
    end_tls(ssl);
    SSL_CTX_free(context);
    return name;
}
