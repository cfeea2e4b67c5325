/*
 * link_closing.c - the library tells a loss without a cause, and has closed the socket by then. So the
 * linker puts a function of ours in the place of its Socket_close (CMakeLists.txt), which asks the
 * kernel first: after a FIN the socket is in CLOSE_WAIT, after a reset in CLOSE. A connection that
 * nothing answers any more ends in CLOSE, too, but with retransmissions outstanding; when the library
 * gives up (no PINGRESP) it is still ESTABLISHED.
 */
#include "link_closing.h"
#include "link_gather.h"
#include "link_reach.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

int __wrap_Socket_close(int socket);
int __real_Socket_close(int socket);

typedef int complaint_fn(const char *text, size_t len, void *ctx);
int __wrap_SSLSocket_connect(SSL *ssl, int socket, const char *host, int verify, complaint_fn *fn,
                             void *ctx);
int __real_SSLSocket_connect(SSL *ssl, int socket, const char *host, int verify, complaint_fn *fn,
                             void *ctx);

/* What the library's function returns. */
enum { CONNECTED = 1, WRITE_CONNECT = 0, FATAL = -3, INTERRUPTED = -22 };

enum { VERDICT_MS = 1000 };

static bool by_peer;
static const char *tls;               /* what is wrong with it; NULL: nothing known */
static char complaint[LINK_TEXT_MAX]; /* OpenSSL's first */
static bool certificate_wanted;

/* --- the end of a connection ------------------------------------------------------------------- */

static bool ended_by_peer(int socket)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return false;
    if (info.tcpi_state == TCP_CLOSE)
        return info.tcpi_retransmits == 0;
    return info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_LAST_ACK ||
           info.tcpi_state == TCP_CLOSING;
}

int __wrap_Socket_close(int socket)
{
    by_peer = ended_by_peer(socket);
    gather_close(socket);
    return __real_Socket_close(socket);
}

bool closing_by_peer(void)
{
    return by_peer;
}

/* --- TLS ---------------------------------------------------------------------------------------- */

/* OpenSSL only says that the certificate was not verified; the library nothing when the name is another. */
static const char *words_for(long result)
{
    switch (result) {
    case X509_V_OK: /* so it is what the library looks at after that */
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "its certificate is for another name than the one in the address";
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "its certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "its certificate is not valid yet: check the clock";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "its certificate is of an authority we do not know: check mqtt.ca_file";
    default:
        return X509_verify_cert_error_string(result);
    }
}

/* What the other end says of us. On TLS 1.3 it does when to us the handshake is over. */
static void on_alert(const SSL *ssl, int where, int value)
{
    static const struct {
        int alert;
        const char *words;
    } alerts[] = {
        {SSL_AD_HANDSHAKE_FAILURE,
         "it refuses the TLS handshake: does it want a certificate (mqtt.cert, mqtt.key)?"},
        {SSL_AD_CERTIFICATE_REQUIRED, "it wants a certificate of us: set mqtt.cert and mqtt.key"},
        {SSL_AD_BAD_CERTIFICATE, "it does not accept our certificate: check mqtt.cert"},
        {SSL_AD_UNSUPPORTED_CERTIFICATE, "it does not accept our certificate: check mqtt.cert"},
        {SSL_AD_CERTIFICATE_UNKNOWN, "it does not accept our certificate: check mqtt.cert"},
        {SSL_AD_DECRYPT_ERROR, "it does not accept our certificate: check mqtt.cert"},
        {SSL_AD_CERTIFICATE_REVOKED, "our certificate is revoked: renew mqtt.cert"},
        {SSL_AD_CERTIFICATE_EXPIRED, "our certificate has expired: renew mqtt.cert"},
        {SSL_AD_UNKNOWN_CA, "it does not know the authority of our certificate: check mqtt.cert"},
        {SSL_AD_PROTOCOL_VERSION, "it speaks no version of TLS that we do"},
    };

    (void)ssl;
    if (where != SSL_CB_READ_ALERT || value >> 8 != SSL3_AL_FATAL)
        return;
    tls = SSL_alert_desc_string_long(value);
    for (size_t i = 0; i < sizeof(alerts) / sizeof(*alerts); i++)
        if (alerts[i].alert == (value & 0xff))
            tls = alerts[i].words;
}

static int on_certificate_wanted(SSL *ssl, void *ctx)
{
    (void)ssl;
    (void)ctx;
    certificate_wanted = true;
    return 1;
}

/* On TLS 1.3 the other end looks at our certificate when to us the handshake is over. Its word has to be
 * read before anything is written: what it leaves unread resets the connection, and the word is gone.
 * Usually it sends a ticket; one that is silent is not waited for any longer. */
static bool accepted(SSL *ssl)
{
    struct pollfd fd = {.fd = SSL_get_fd(ssl), .events = POLLIN};
    char byte;

    if (!certificate_wanted || SSL_version(ssl) < TLS1_3_VERSION || poll(&fd, 1, VERDICT_MS) <= 0)
        return true;
    (void)SSL_peek(ssl, &byte, 1);
    ERR_clear_error();
    return tls == NULL;
}

int __wrap_SSLSocket_connect(SSL *ssl, int socket, const char *host, int verify, complaint_fn *fn,
                             void *ctx)
{
    const bool first = SSL_in_before(ssl);
    long result;
    int rc;

    if (first) {
        SSL_set_info_callback(ssl, on_alert);
        SSL_set_cert_cb(ssl, on_certificate_wanted, NULL);
    }
    if (first && reach_numeric(host))
        (void)SSL_set_tlsext_host_name(ssl, NULL); /* the extension is for names */
    rc = __real_SSLSocket_connect(ssl, socket, host, verify, fn, ctx);
    if (rc == CONNECTED && !accepted(ssl))
        return FATAL;
    result = SSL_get_verify_result(ssl);
    if (rc != CONNECTED && rc != INTERRUPTED && BIO_number_read(SSL_get_rbio(ssl)) == 0)
        tls = "it closed the connection on TLS: does it speak TLS at this port?";
    else if (rc == FATAL && (result != X509_V_OK || SSL_is_init_finished(ssl)))
        tls = words_for(result);
    /* The library takes a handshake that is over at the first call for one that has failed. */
    return first && rc == CONNECTED ? WRITE_CONNECT : rc;
}

/* --- an attempt that failed -------------------------------------------------------------------- */

int closing_complaint(const char *text, size_t len, void *ctx)
{
    /* id:error:code:library:function:reason:file:line:detail */
    for (int field = 0; field < 5 && *text; field++)
        text += strcspn(text, ":") + (strchr(text, ':') != NULL);
    if (!complaint[0] && *text)
        snprintf(complaint, sizeof(complaint), "TLS: %.*s", (int)strcspn(text, ":\n"), text);
    (void)len;
    (void)ctx;
    return 1;
}

/* The library says next to nothing about why; its few words in better ones. */
void closing_failed(struct link_event *event, const char *message)
{
    bool timeout = message && strstr(message, "timeout");
    /* without a word: CONNECT could not even be written */
    bool closed = !reach_trouble() &&
                  (!message || strstr(message, "completion") || strstr(message, "socket error"));
    const char *text = message;

    event->closed = event->reason == 0 && closed && !complaint[0] && !tls;
    event->reached = event->reason == 0 && (timeout || closed);
    if (event->reason > 0)
        text = "it refuses the connection";
    else if (reach_trouble())
        text = reach_trouble();
    else if (tls)
        text = tls;
    else if (strstr(complaint, "wrong version number"))
        text = "it does not speak TLS at this port";
    else if (complaint[0])
        text = complaint;
    else if (timeout)
        text = "no answer within 10 s";
    else if (closed)
        text = "it closed the connection without an answer";
    snprintf(event->text, sizeof(event->text), "%s", text);
}
