/*
 * link_acks.c - the library acknowledges a command as soon as its callback returns, and has one lock
 * for everything it does. So the callback returns at once, and the linker puts functions of ours in
 * the place of three of the library's (CMakeLists.txt): the one that sends a PUBACK, which now only
 * notes that the library wants to, and the two by which its receiving thread looks, without the lock,
 * for something to read: it reads no command while too many are under way. Names and types are those
 * of the library's archive, version 1.3.12.
 */
#include "link_acks.h"

#include "link_gather.h"

int __wrap_MQTTPacket_send_puback(int version, int msgid, void *net, const char *client_id);
int __real_MQTTPacket_send_puback(int version, int msgid, void *net, const char *client_id);
int __wrap_Socket_getReadySocket(int more_work, int timeout, void *mutex, int *rc);
int __real_Socket_getReadySocket(int more_work, int timeout, void *mutex, int *rc);
int __wrap_SSLSocket_getPendingRead(void);
int __real_SSLSocket_getPendingRead(void);
int Socket_noPendingWrites(int socket);
/* The library's lock, and that of its sockets, taken after it: its receiving thread writes on with the
 * second alone what did not go out at once. */
extern pthread_mutex_t *mqttasync_mutex, *socket_mutex;

static struct {
    struct held held;
    bool holding;
    int mqtt_version;
    void *net; /* the library's connection; its first member is the socket, 0 when it is gone */
} acks;

void acks_hold(int mqtt_version)
{
    held_init(&acks.held);
    acks.mqtt_version = mqtt_version;
    acks.holding = true;
}

/* With both locks. */
static bool open_for_writing(void)
{
    const int *fd = acks.net;

    return fd && *fd > 0 && Socket_noPendingWrites(*fd);
}

/* With both locks: in order of arrival, those that may leave. */
static void send_decided(void)
{
    int msgid;

    while (open_for_writing() && (msgid = held_take(&acks.held)) != HELD_NONE)
        (void)__real_MQTTPacket_send_puback(acks.mqtt_version, msgid, acks.net, "");
}

/* With one of the locks, whichever: that is why it only notes. */
int __wrap_MQTTPacket_send_puback(int version, int msgid, void *net, const char *client_id)
{
    if (!acks.holding || !held_ask(&acks.held, msgid))
        return __real_MQTTPacket_send_puback(version, msgid, net, client_id);
    acks.net = net;
    return 0;
}

int __wrap_Socket_getReadySocket(int more_work, int timeout, void *mutex, int *rc)
{
    const bool room = !acks.holding || held_wait_room(&acks.held, 0);
    const int readable = room ? gather_readable() : 0;
    int socket;

    *rc = 0;
    if (readable)
        return readable;
    gather_idle();
    if (!room && !held_wait_room(&acks.held, timeout))
        return 0; /* nothing to read: the library looks after its timers and asks again */
    socket = __real_Socket_getReadySocket(more_work, timeout, mutex, rc);
    if (socket > 0)
        gather_wait();
    return socket;
}

int __wrap_SSLSocket_getPendingRead(void)
{
    return acks.holding && !held_wait_room(&acks.held, 0) ? -1 : __real_SSLSocket_getPendingRead();
}

bool acks_command(int msgid, uint64_t *token)
{
    return held_add(&acks.held, msgid, token);
}

void acks_verdict(uint64_t token)
{
    if (acks.holding)
        held_decide(&acks.held, token);
}

bool acks_send(void)
{
    if (!acks.holding || !held_decided(&acks.held))
        return true;
    pthread_mutex_lock(mqttasync_mutex);
    pthread_mutex_lock(socket_mutex);
    send_decided();
    pthread_mutex_unlock(socket_mutex);
    pthread_mutex_unlock(mqttasync_mutex);
    gather_flush();
    return !held_decided(&acks.held);
}

void acks_close(void)
{
    if (acks.holding)
        held_close(&acks.held);
}

bool acks_all_sent(void)
{
    return !acks.holding || held_empty(&acks.held);
}
