#include "net/http.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/forwarded.h"
#include "net/logins.h"
#include "net/socket.h"
#include "net/tcp.h"
#include "protocol/document.h"

enum { HEAD_MAX = 4096, LENGTH_MAX = 32, EXPECT_MAX = 32, SCHEME_MAX = 16 };

static const struct {
    enum lws_token_indexes token;
    const char *name;
} methods[] = {
    {WSI_TOKEN_GET_URI, "GET"},         {WSI_TOKEN_HEAD_URI, "HEAD"},
    {WSI_TOKEN_POST_URI, "POST"},       {WSI_TOKEN_PUT_URI, "PUT"},
    {WSI_TOKEN_PATCH_URI, "PATCH"},     {WSI_TOKEN_DELETE_URI, "DELETE"},
    {WSI_TOKEN_OPTIONS_URI, "OPTIONS"},
};

static const char *method_of(struct lws *wsi)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (lws_hdr_total_length(wsi, methods[i].token) > 0)
            return methods[i].name;
    return "";
}

/* Nothing is changed by it. */
static bool only_reads(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
           strcmp(method, "OPTIONS") == 0;
}

/* Who announces a body and waits for leave to send it. */
static bool wants_leave(struct lws *wsi)
{
    char text[EXPECT_MAX];

    return lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_EXPECT) > 0 &&
           strcasecmp(text, "100-continue") == 0;
}

static bool give_leave(struct lws *wsi)
{
    static const char leave[] = "HTTP/1.1 100 Continue\r\n\r\n";
    unsigned char out[LWS_PRE + sizeof(leave)];

    memcpy(out + LWS_PRE, leave, sizeof(leave) - 1);
    return lws_write(wsi, out + LWS_PRE, sizeof(leave) - 1, LWS_WRITE_HTTP_HEADERS) >= 0;
}

/* Is there a header of this token, be it empty? */
static bool has_token(struct lws *wsi, enum lws_token_indexes token)
{
    char none;

    return lws_hdr_total_length(wsi, token) > 0 ||
           lws_hdr_copy_fragment(wsi, &none, sizeof(none), token, 0) == 0;
}

/* --- pipelined requests ----------------------------------------------------------------------
 *
 * What comes behind a request in one read the library keeps and gives itself later. If that is a
 * request with a body, it loops for ever (lws_http_action, 4.1.6). Such a request is known by this:
 * nothing has been read from the socket since the one before was complete. Of a socket in the file system
 * nobody counts what is read: there each request has a connection of its own.
 */

/* How much the library has read of this connection. */
static uint64_t bytes_read(struct lws *wsi)
{
    return tcp_bytes_read(lws_get_socket_fd(wsi));
}

void http_note(struct lws *wsi)
{
    struct socket *socket = lws_get_opaque_user_data(wsi);

    if (socket)
        socket->bytes = bytes_read(wsi);
}

static bool pipelined_body(struct lws *wsi, const struct exchange_head *head)
{
    const struct socket *socket = lws_get_opaque_user_data(wsi);

    return exchange_head_body(head) && socket && !socket->local && socket->bytes == bytes_read(wsi);
}

/* It does not say so of one connection, but whether of any that is read: then it would not wait for sockets. Had it
 * to look at such bytes while a live stream is written, it would look at them again and again. */
bool http_keeps(struct lws *wsi)
{
    struct lws_context *context = lws_get_context(wsi);
    bool keeps;

    if (lws_service_adjust_timeout(context, 1, 0) == 0)
        return false;
    lws_rx_flow_control(wsi, 1);
    keeps = lws_service_adjust_timeout(context, 1, 0) == 0;
    lws_rx_flow_control(wsi, 0);
    return keeps;
}

/* --- whose request ----------------------------------------------------------------------------- */

bool http_peer(const struct networks *proxies, struct lws *wsi, char peer[PEER_TEXT_MAX + 1])
{
    static const char name[] = "forwarded:";
    const int name_len = sizeof(name) - 1;
    const struct socket *socket = lws_get_opaque_user_data(wsi);
    char header[HTTP_HEADERS_MAX + 1];
    bool list = has_token(wsi, WSI_TOKEN_X_FORWARDED_FOR);

    snprintf(peer, PEER_TEXT_MAX + 1, "%s", socket ? socket->peer : "");
    if (!list && lws_hdr_custom_length(wsi, name, name_len) < 0)
        return socket && socket->here;
    if (!socket || !socket->proxy)
        return false;
    /* Beside the list the other header is the client's own. */
    if (list && lws_hdr_copy(wsi, header, sizeof(header), WSI_TOKEN_X_FORWARDED_FOR) >= 0)
        (void)forwarded_list(proxies, header, peer);
    else if (!list && lws_hdr_custom_copy(wsi, header, sizeof(header), name, name_len) >= 0)
        (void)forwarded_pairs(proxies, header, peer);
    return false;
}

/* --- from which page --------------------------------------------------------------------------- */

/* The first word of a header that a trusted proxy has written; false: there is none. */
static bool proxy_says(struct lws *wsi, const char *name, char *out, int cap)
{
    const struct socket *socket = lws_get_opaque_user_data(wsi);

    if (!socket || !socket->proxy ||
        lws_hdr_custom_copy(wsi, out, cap, name, (int)strlen(name)) <= 0)
        return false;
    out[strcspn(out, ", \t")] = '\0';
    return *out != '\0';
}

static enum origin_way way_of(struct lws *wsi)
{
    const struct socket *socket = lws_get_opaque_user_data(wsi);
    char scheme[SCHEME_MAX];

    if (!socket || !socket->proxy)
        return lws_get_ssl(wsi) ? ORIGIN_WAY_TLS : ORIGIN_WAY_PLAIN;
    if (!proxy_says(wsi, "x-forwarded-proto:", scheme, sizeof(scheme))) /* TLS may pass it */
        return lws_get_ssl(wsi) ? ORIGIN_WAY_TLS : ORIGIN_WAY_UNKNOWN;
    return strcasecmp(scheme, "https") == 0 || strcasecmp(scheme, "wss") == 0 ? ORIGIN_WAY_TLS
                                                                              : ORIGIN_WAY_PLAIN;
}

bool http_page_may(const struct origins *origins, struct logins *logins, struct lws *wsi,
                   const char *peer)
{
    char origin[ORIGIN_MAX + 1], host[ORIGIN_MAX + 1];

    if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) <= 0)
        return true; /* no browser */
    if (lws_hdr_copy(wsi, origin, sizeof(origin), WSI_TOKEN_ORIGIN) <= 0)
        snprintf(origin, sizeof(origin), "a long name");
    if (!proxy_says(wsi, "x-forwarded-host:", host, sizeof(host)) &&
        lws_hdr_copy(wsi, host, sizeof(host), WSI_TOKEN_HOST) <= 0)
        host[0] = '\0';
    if (origins_have(origins, origin, host, way_of(wsi)))
        return true;
    logins_foreign(logins, origin, host, peer);
    return false;
}

/* --- reading --------------------------------------------------------------------------------- */

/* The fields of a request: tokens of the library, or names it does not know. */
static const struct {
    enum lws_token_indexes token;
    const char *name; /* with its colon */
} fields[EXCHANGE_FIELDS] = {
    [EXCHANGE_AUTHORIZATION] = {WSI_TOKEN_HTTP_AUTHORIZATION, NULL},
    [EXCHANGE_ACCEPT] = {WSI_TOKEN_HTTP_ACCEPT, NULL},
    [EXCHANGE_ACCEPT_ENCODING] = {WSI_TOKEN_HTTP_ACCEPT_ENCODING, NULL},
    [EXCHANGE_IF_NONE_MATCH] = {WSI_TOKEN_HTTP_IF_NONE_MATCH, NULL},
    [EXCHANGE_IDEMPOTENCY_KEY] = {0, "idempotency-key:"},
    [EXCHANGE_LAST_EVENT_ID] = {0, "last-event-id:"},
};

/* Texts of a request, each in memory of its own, so that a sanitizer sees what is read beyond. */
struct head_texts {
    char *fields[EXCHANGE_FIELDS], *args[EXCHANGE_ARGS_MAX + 1];
    size_t arg_count;
};

static void free_texts(struct head_texts *texts)
{
    for (size_t i = 0; i < EXCHANGE_FIELDS; i++)
        free(texts->fields[i]);
    for (size_t i = 0; i < texts->arg_count; i++)
        free(texts->args[i]);
}

/* Leaves *text NULL if it was not sent. False: out of memory. */
static bool read_field(struct lws *wsi, enum exchange_field field, char **text)
{
    const char *name = fields[field].name;
    enum lws_token_indexes token = fields[field].token;
    int name_len = name ? (int)strlen(name) : 0;
    int len = name                    ? lws_hdr_custom_length(wsi, name, name_len)
              : has_token(wsi, token) ? lws_hdr_total_length(wsi, token)
                                      : -1;

    if (len < 0)
        return true;
    *text = malloc((size_t)len + 1);
    return *text && (name ? lws_hdr_custom_copy(wsi, *text, len + 1, name, name_len)
                          : lws_hdr_copy(wsi, *text, len + 1, token)) >= 0;
}

bool http_arg(struct lws *wsi, int *n, char **text)
{
    char arg[HTTP_HEADERS_MAX + 1];
    int len;

    *text = NULL;
    do
        len = lws_hdr_copy_fragment(wsi, arg, sizeof(arg), WSI_TOKEN_HTTP_URI_ARGS, (*n)++);
    while (len == 0 ||
           (len == 1 && *arg == '/')); /* between `&` and `&`; at the end it becomes that */
    return len < 0 || (*text = strdup(arg)) != NULL;
}

/* False: out of memory. */
static bool read_texts(struct lws *wsi, struct head_texts *texts)
{
    bool ok = true;
    char *arg;

    for (enum exchange_field i = 0; ok && i < EXCHANGE_FIELDS; i++)
        ok = read_field(wsi, i, &texts->fields[i]);
    for (int n = 0; ok && texts->arg_count <= EXCHANGE_ARGS_MAX;) {
        ok = http_arg(wsi, &n, &arg);
        if (!arg)
            break;
        texts->args[texts->arg_count++] = arg;
    }
    return ok;
}

static void refuse_pipelined(struct lws *wsi);

/* Without the texts it was made of. */
static struct exchange *open_exchange(struct exchange_env *env, struct lws *wsi, const char *path,
                                      const struct head_texts *texts)
{
    char length[LENGTH_MAX], peer[PEER_TEXT_MAX + 1];
    const struct socket *socket = lws_get_opaque_user_data(wsi);
    struct exchange_head head = {
        .method = method_of(wsi),
        .path = path,
        .peer = peer,
        .coded = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0,
        .last = socket && socket->local,
        .args = (const char *const *)texts->args,
        .arg_count = texts->arg_count,
    };
    struct exchange *exchange;
    struct holder holder;

    if (holder_read(lws_get_ssl(wsi), env->certificate_user, &holder))
        head.holder = &holder;
    for (size_t i = 0; i < EXCHANGE_FIELDS; i++)
        head.fields[i] = texts->fields[i];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0)
        head.length = lws_hdr_copy(wsi, length, sizeof(length), WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0
                          ? length
                          : "?";
    if (pipelined_body(wsi, &head)) {
        refuse_pipelined(wsi);
        return NULL;
    }
    head.here = http_peer(env->proxies, wsi, peer);
    head.foreign = !only_reads(head.method) && !http_page_may(env->origins, env->logins, wsi, peer);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* an exchange has deadlines of its own */
    http_note(wsi);
    exchange = exchange_create(env, wsi, &head);
    if (exchange && exchange_expects(exchange) && wants_leave(wsi) && !give_leave(wsi)) {
        exchange_destroy(exchange);
        return NULL;
    }
    return exchange;
}

struct exchange *http_open(struct exchange_env *env, struct lws *wsi, const char *path)
{
    struct head_texts texts = {0};
    struct exchange *exchange =
        read_texts(wsi, &texts) ? open_exchange(env, wsi, path, &texts) : NULL;

    free_texts(&texts);
    return exchange;
}

void http_body(struct lws *wsi, struct exchange *exchange, const char *bytes, size_t len)
{
    http_note(wsi);
    exchange_body(exchange, bytes, len);
}

/* --- writing --------------------------------------------------------------------------------- */

static bool add_header(struct lws *wsi, const char *name, const char *text, unsigned char **p,
                       unsigned char *end)
{
    char colon[64];

    return snprintf(colon, sizeof(colon), "%s:", name) < (int)sizeof(colon) &&
           lws_add_http_header_by_name(wsi, (unsigned char *)colon, (const unsigned char *)text,
                                       (int)strlen(text), p, end) == 0;
}

static bool has_header(const struct exchange_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++)
        if (strcmp(answer->headers[i].name, name) == 0)
            return true;
    return false;
}

/* Status, and what tells where the body ends; of a 304 nothing, as it has none. */
static bool print_status(struct lws *wsi, const struct exchange_answer *answer, unsigned char **p,
                         unsigned char *end)
{
    lws_filepos_t length =
        answer->length < 0 ? LWS_ILLEGAL_HTTP_CONTENT_LEN : (lws_filepos_t)answer->length;

    if (!answer->type)
        return lws_add_http_header_status(wsi, (unsigned)answer->status, p, end) == 0;
    return lws_add_http_common_headers(wsi, (unsigned)answer->status, answer->type, length, p,
                                       end) == 0;
}

/* Prints the head at *p, which moves behind it. */
static bool print_head(struct lws *wsi, const struct exchange_answer *answer, unsigned char **p,
                       unsigned char *end)
{
    if (!print_status(wsi, answer, p, end) ||
        (!has_header(answer, "cache-control") &&
         !add_header(wsi, "cache-control", "no-store", p, end)))
        return false;
    for (size_t i = 0; i < answer->header_count; i++)
        if (!add_header(wsi, answer->headers[i].name, answer->headers[i].text, p, end))
            return false;
    /* Without a length the library says so itself. */
    return (!answer->close || answer->length < 0 ||
            add_header(wsi, "connection", "close", p, end)) &&
           lws_finalize_http_header(wsi, p, end) == 0;
}

/* The end of an answer to a body that was not taken: closed with it still coming, the connection
 * would be reset, and the answer lost. */
static int end_connection(struct lws *wsi, struct exchange *exchange)
{
    if (lws_partial_buffered(wsi) || !exchange_lingers(exchange))
        return -1;
    return shutdown(lws_get_socket_fd(wsi), SHUT_WR) == 0 ? 0 : -1;
}

int http_write(struct lws *wsi, struct exchange *exchange)
{
    static const enum lws_write_protocol kinds[] = {
        [EXCHANGE_WRITE] = LWS_WRITE_HTTP,
        [EXCHANGE_LAST] = LWS_WRITE_HTTP_FINAL,
        [EXCHANGE_CLOSE] = LWS_WRITE_HTTP_FINAL,
    };
    unsigned char out[LWS_PRE + HEAD_MAX + EXCHANGE_PIECE_MAX], *start = out + LWS_PRE, *p = start;
    unsigned char *piece = start + HEAD_MAX;
    const struct exchange_answer *answer;
    size_t len;
    enum exchange_step step = exchange_next(exchange, &answer, (char *)piece, &len);

    if (step == EXCHANGE_WAIT)
        return 0;
    if (answer) {
        if (!print_head(wsi, answer, &p, piece))
            return -1;
        memmove(p, piece, len);
        p += len;
    } else {
        start = piece;
        p = piece + len;
    }
    if (p > start && lws_write(wsi, start, (size_t)(p - start), kinds[step]) < 0)
        return -1;
    if (step == EXCHANGE_WRITE)
        return 0;
    if (step == EXCHANGE_CLOSE)
        return end_connection(wsi, exchange);
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* Answers with the body, which is finished; the connection is to end. */
static void write_refusal(struct lws *wsi, int status, const char *type, struct buf *body)
{
    unsigned char out[LWS_PRE + HEAD_MAX], *start = out + LWS_PRE, *p = start;
    char again[] = "1"; /* as exchange_problem says it */

    if (buf_ok(body)) {
        const struct exchange_answer answer = {
            .status = status,
            .type = type,
            .headers = {{"retry-after", again}},
            .header_count = status == 503,
            .length = (long long)body->len,
            .close = true,
        };
        if (print_head(wsi, &answer, &p, out + sizeof(out) - body->len)) {
            memcpy(p, body->data, body->len);
            (void)lws_write(wsi, start, (size_t)(p - start) + body->len, LWS_WRITE_HTTP_FINAL);
        }
    }
    buf_finish(body);
}

int http_refuse(struct lws *wsi, int status, const char *why)
{
    struct buf body;

    buf_init(&body, HEAD_MAX / 2);
    answer_error(&body, why, NULL);
    write_refusal(wsi, status, "application/json", &body);
    return -1;
}

static void refuse_pipelined(struct lws *wsi)
{
    struct buf body;

    buf_init(&body, HEAD_MAX / 2);
    problem_print(&body, 400, "Wait for an answer before a request with a body");
    write_refusal(wsi, 400, PROBLEM_TYPE, &body);
}
