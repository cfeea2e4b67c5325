/* The client's life: checked, connected, closed. */
#include "studio/client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "client_error.h"
#include "client_internal.h"
#include "studio/status.h"

enum { DEFAULT_TIMEOUT_MS = 10000 };

static void *thread_main(void *arg)
{
    struct studio_client *client = arg;

    client_ws_run(client->ws);
    return NULL;
}

enum studio_err client_user_of(const struct studio_client_options *o, struct client_user *out,
                               struct studio_error *error)
{
    *out = (struct client_user){
        .addresses = o->server_url != NULL ? o->server_url : "ws://localhost:8080",
        .table_id = o->table_id != NULL ? o->table_id : "ARO-001",
        .device = o->device_name != NULL ? o->device_name : "dealerPC",
    };
    if (!name_is_table(out->table_id, strlen(out->table_id)))
        return client_error_usage(error,
                                  "'%.80s' is no table id: it begins with a letter or digit, then "
                                  "letters, digits, '.', '-', at most %d, as in ARO-001",
                                  out->table_id, STUDIO_TABLE_ID_MAX);
    if (out->device[0] != '\0' && !name_is_device(out->device, strlen(out->device)))
        return client_error_usage(error,
                                  "the device name must be 1-%d bytes of UTF-8 without "
                                  "control characters",
                                  STUDIO_DEVICE_MAX);
    if (o->token == NULL || !name_is_token(o->token, strlen(o->token)))
        return client_error_usage(error, "%s: a token is %d-%d of letters, digits and '._~-'",
                                  o->token == NULL ? "a token is needed" : "this is no token",
                                  STUDIO_TOKEN_MIN, STUDIO_TOKEN_MAX);
    return STUDIO_OK;
}

unsigned client_timeout_ms(const struct studio_client_options *options)
{
    return options->timeout_ms != 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
}

static void free_client(struct studio_client *client)
{
    client_ws_destroy(client->ws);
    free(client->tables);
    free(client->greeting);
    free(client->table_id);
    free(client->user_id);
    if (client->token != NULL)
        memset(client->token, 0, strlen(client->token));
    free(client->token);
    pthread_cond_destroy(&client->changed);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

/* Signals are the program's business: none is taken by the client's thread. */
static bool start_thread(struct studio_client *client)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&client->thread, NULL, thread_main, client) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

enum studio_err studio_client_connect(const struct studio_client_options *options,
                                      struct studio_client **out, struct studio_error *error)
{
    struct client_user user;
    enum studio_err err = client_user_of(options, &user, error);

    *out = NULL;
    if (err != STUDIO_OK)
        return err;

    struct studio_client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->changed, NULL);
    session_init(&client->session);
    client->timeout_ms = client_timeout_ms(options);
    client->no_reconnect = options->no_reconnect;
    client->presence = options->presence;
    client->on_push = options->on_push;
    client->on_state = options->on_state;
    client->callback_ctx = options->ctx;
    client->state = STUDIO_CLIENT_CONNECTING;

    client->lists = studio_built_in_values;

    err = studio_values_add(&client->lists, options->service_values, options->device_values, error);
    if (err == STUDIO_OK)
        err = servers_parse(user.addresses, &client->servers, error);
    if (err != STUDIO_OK)
        goto fail;
    err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    client->table_id = strdup(user.table_id);
    client->token = strdup(options->token);
    if (client->table_id == NULL || client->token == NULL ||
        asprintf(&client->user_id, "%s%s%s", user.table_id, user.device[0] != '\0' ? "_" : "",
                 user.device) < 0) {
        client->user_id = NULL;
        goto fail;
    }
    err = client_ws_create(servers_any_tls(&client->servers), options, &client_thread_ops, client,
                           &client->ws, error);
    if (err != STUDIO_OK)
        goto fail;
    if (!start_thread(client)) {
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, ": no thread could be started");
        goto fail;
    }

    pthread_mutex_lock(&client->lock);
    while (!client->settled)
        pthread_cond_wait(&client->changed, &client->lock);
    bool refused = client->state == STUDIO_CLIENT_CLOSED;
    if (refused && error != NULL)
        *error = client->why;
    err = refused ? client->why.code : STUDIO_OK;
    pthread_mutex_unlock(&client->lock);
    if (refused) {
        studio_client_close(client);
        return err;
    }
    if (error != NULL)
        *error = (struct studio_error){.code = STUDIO_OK};
    *out = client;
    return STUDIO_OK;

fail:
    free_client(client);
    return err;
}

void studio_client_close(struct studio_client *client)
{
    if (client == NULL)
        return;
    pthread_mutex_lock(&client->lock);
    client->closing = true;
    client_ws_wake(client->ws);
    pthread_mutex_unlock(&client->lock);
    pthread_join(client->thread, NULL);
    free_client(client);
}

enum studio_client_state studio_client_get_state(struct studio_client *client)
{
    pthread_mutex_lock(&client->lock);
    enum studio_client_state state = client->state;
    pthread_mutex_unlock(&client->lock);
    return state;
}

char *studio_client_server(struct studio_client *client)
{
    char *text = NULL;

    pthread_mutex_lock(&client->lock);
    const struct url *url = servers_now(&client->servers);
    if (asprintf(&text, "ws%s://%s%s", url->tls ? "s" : "", url->authority, url->path) < 0)
        text = NULL;
    pthread_mutex_unlock(&client->lock);
    return text;
}
