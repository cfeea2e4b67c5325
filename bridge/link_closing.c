/*
 * link_closing.c - the library tells a loss without a cause, and has closed the socket by then. So the
 * linker puts a function of ours in the place of its Socket_close (CMakeLists.txt), which asks the
 * kernel first: after a FIN the socket is in CLOSE_WAIT, after a reset in CLOSE. A connection that
 * nothing answers any more ends in CLOSE, too, but with retransmissions outstanding; when the library
 * gives up (no PINGRESP) it is still ESTABLISHED.
 */
#include "link_closing.h"
#include "link_reach.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

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
enum { CONNECTED = 1, FATAL = -3, INTERRUPTED = -22 };

static bool by_peer;
static const char *tls;

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
    return __real_Socket_close(socket);
}

bool closing_by_peer(void)
{
    return by_peer;
}

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

int __wrap_SSLSocket_connect(SSL *ssl, int socket, const char *host, int verify, complaint_fn *fn,
                             void *ctx)
{
    long result;
    int rc;

    if (SSL_in_before(ssl) && reach_numeric(host))
        (void)SSL_set_tlsext_host_name(ssl, NULL); /* the extension is for names */
    rc = __real_SSLSocket_connect(ssl, socket, host, verify, fn, ctx);
    result = SSL_get_verify_result(ssl);
    if (rc != CONNECTED && rc != INTERRUPTED && BIO_number_read(SSL_get_rbio(ssl)) == 0)
        tls = "it closed the connection on TLS: does it speak TLS at this port?";
    else if (rc == FATAL && (result != X509_V_OK || SSL_is_init_finished(ssl)))
        tls = words_for(result);
    return rc;
}

const char *closing_tls(void)
{
    return tls;
}
