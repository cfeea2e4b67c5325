#include "net/context.h"

#include <libwebsockets.h>

#include "net/complaint.h"
#include "net/http.h"

static const lws_retry_bo_t no_pings = {0}; /* the library's own cost too much; we ping */

static void emit_log(int level, const char *line)
{
    complaint_log(level == LLL_ERR, line);
}

/* The library is to make a context of OpenSSL for us, and none for connections to others, which would read
 * all authorities of the system: where it takes in what somebody else has accepted it does not. */
static uint64_t tls_options(bool tls)
{
    return tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX |
                     LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG
               : 0;
}

struct lws_context *context_create(void *user, struct loop *loop, bool tls)
{
    void *loops[1] = {loop ? loop_ev(loop) : NULL};
    struct lws_context_creation_info info = {
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME | tls_options(tls),
        .user = user,
        .pt_serv_buf_size = 32768,
        .max_http_header_data = HTTP_HEADERS_MAX, /* only while a request is read */
        .max_http_header_pool = 2048,
        .retry_and_idle_policy = &no_pings,
    };

    if (loop) {
        info.options |= LWS_SERVER_OPTION_LIBEV;
        info.foreign_loops = loops;
    }
    lws_set_log_level(LLL_ERR | LLL_WARN, emit_log);
    return lws_create_context(&info);
}

struct lws_vhost *context_vhost(struct lws_context *context, const struct lws_protocols *protocols,
                                bool tls)
{
    struct lws_context_creation_info info = {
        .options = LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
                   tls_options(tls),
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .vhost_name = tls ? "studio-tls" : "studio",
        .protocols = protocols,
        .alpn = "http/1.1",
        .timeout_secs = 5,
        .timeout_secs_ah_idle = 5,
        .keepalive_timeout = 15,
        .retry_and_idle_policy = &no_pings,
    };

    return lws_create_vhost(context, &info);
}
