//  test_monitor: the monitor names the cause of each failure to connect
//  SPDX-License-Identifier: MPL-2.0

#include "stint_monitor.h"

#include <criterion/criterion.h>
#include <czmq.h>
#include <sys/stat.h>
#include <sys/un.h>

#define WAIT_MS 10000

//  A DEALER that is watched while it connects; with a key of its own and the server's when
//  these are given.

typedef struct {
    void *dealer;              //  Connects
    stint_monitor_t *monitor;  //  Watches it
} s_peer_t;

static void *
s_socket (int type)
{
    zsys_handler_set (NULL);
    void *socket = zmq_socket (zsys_init (), type);
    int none = 0;
    zmq_setsockopt (socket, ZMQ_LINGER, &none, sizeof none);
    return socket;
}

static s_peer_t
s_connect (const char *endpoint, zcert_t *cert, const char *server_key)
{
    s_peer_t self = {s_socket (ZMQ_DEALER), NULL};
    int never = -1;
    zmq_setsockopt (self.dealer, ZMQ_RECONNECT_IVL, &never, sizeof never);
    if (cert) {
        zmq_setsockopt (self.dealer, ZMQ_CURVE_SERVERKEY, server_key, 40);
        zmq_setsockopt (self.dealer, ZMQ_CURVE_PUBLICKEY, zcert_public_txt (cert), 40);
        zmq_setsockopt (self.dealer, ZMQ_CURVE_SECRETKEY, zcert_secret_txt (cert), 40);
    }
    self.monitor = stint_monitor_new (zsys_init (), self.dealer, endpoint);
    cr_assert_eq (zmq_connect (self.dealer, endpoint), 0);
    return self;
}

static void
s_disconnect (s_peer_t *self)
{
    stint_monitor_destroy (&self->monitor);
    cr_assert_null (self->monitor);
    zmq_close (self->dealer);
}

static void
s_wait (s_peer_t *self, stint_link_t link)
{
    int64_t until = zclock_mono () + WAIT_MS;
    while (stint_monitor_poll (self->monitor) != link) {
        cr_assert (zclock_mono () < until, "%s", stint_monitor_cause (self->monitor));
        zmq_pollitem_t item = {stint_monitor_socket (self->monitor), 0, ZMQ_POLLIN, 0};
        zmq_poll (&item, 1, 100);
    }
}

static void
s_expect_failure (const char *endpoint, stint_status_t status, const char *words)
{
    s_peer_t peer = s_connect (endpoint, NULL, NULL);
    s_wait (&peer, STINT_LINK_FAILED);
    cr_assert_eq (stint_monitor_status (peer.monitor), status);
    const char *cause = stint_monitor_cause (peer.monitor);
    cr_assert (strstr (cause, words), "\"%s\" lacks \"%s\"", cause, words);
    cr_assert (strstr (cause, endpoint), "\"%s\" lacks \"%s\"", cause, endpoint);
    s_disconnect (&peer);
}

//  Binds a socket to a free port, and returns the endpoint. Valid until the next call.

static const char *
s_bind (void *socket)
{
    static char endpoint [64];
    size_t size = sizeof endpoint;
    cr_assert_eq (zmq_bind (socket, "tcp://127.0.0.1:*"), 0);
    zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size);
    return endpoint;
}

Test (monitor, a_good_connection_is_up_and_its_end_is_seen)
{
    void *router = s_socket (ZMQ_ROUTER);
    s_peer_t peer = s_connect (s_bind (router), NULL, NULL);
    s_wait (&peer, STINT_LINK_UP);
    cr_assert_eq (stint_monitor_status (peer.monitor), STINT_OK);
    cr_assert_str_eq (stint_monitor_cause (peer.monitor), "");
    zmq_close (router);
    s_wait (&peer, STINT_LINK_LOST);
    cr_assert_eq (stint_monitor_status (peer.monitor), STINT_ERR_UNREACHABLE);
    cr_assert (strstr (stint_monitor_cause (peer.monitor), "ended"));
    s_disconnect (&peer);
}

Test (monitor, a_port_where_nobody_listens_refuses)
{
    s_expect_failure ("tcp://127.0.0.1:9", STINT_ERR_UNREACHABLE, "connection refused");
    s_expect_failure ("tcp://localhost:9", STINT_ERR_UNREACHABLE, "connection refused");
}

Test (monitor, a_socket_that_is_not_there_is_named_so)
{
    s_expect_failure ("ipc:///nonesuch/broker", STINT_ERR_UNREACHABLE, "no such socket");
    s_expect_failure ("ipc://@stint-nobody", STINT_ERR_UNREACHABLE, "connection refused");
}

Test (monitor, a_socket_that_a_dead_broker_left_refuses)
{
    char path [64];
    char endpoint [80];
    snprintf (path, sizeof path, "/tmp/stint-monitor-%d", (int) getpid ());
    snprintf (endpoint, sizeof endpoint, "ipc://%s", path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
    int handle = socket (AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq (bind (handle, (struct sockaddr *) &address, sizeof address), 0);
    close (handle);
    s_expect_failure (endpoint, STINT_ERR_UNREACHABLE, "connection refused");
    if (geteuid () == 0) {
        cr_assert_eq (chmod (path, 0), 0);
        cr_assert_eq (seteuid (65534), 0);
        s_expect_failure (endpoint, STINT_ERR_UNREACHABLE, "permission denied");
        cr_assert_eq (seteuid (0), 0);
    }
    unlink (path);
}

Test (monitor, a_try_that_takes_long_has_a_cause_too)
{
    //  Bound and listening, but nobody ever accepts or speaks
    int handle = socket (AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    cr_assert_eq (bind (handle, (struct sockaddr *) &address, size), 0);
    cr_assert_eq (listen (handle, 1), 0);
    getsockname (handle, (struct sockaddr *) &address, &size);
    char endpoint [64];
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", ntohs (address.sin_port));
    s_peer_t peer = s_connect (endpoint, NULL, NULL);
    int64_t until = zclock_mono () + WAIT_MS;
    do {
        cr_assert_eq (stint_monitor_poll (peer.monitor), STINT_LINK_TRYING);
        cr_assert (zclock_mono () < until);
    } while (!strstr (stint_monitor_cause (peer.monitor), "accepts connections but"));
    cr_assert_eq (stint_monitor_status (peer.monitor), STINT_ERR_UNREACHABLE);
    s_disconnect (&peer);
    close (handle);
}

//  A server with CURVE, and a ZAP handler that knows no key.

typedef struct {
    void *router;      //  The server
    zcert_t *server;   //  Its key
    zcert_t *other;    //  Some other key
    zactor_t *auth;    //  ZAP
    char folder [64];  //  Of the keys that it knows: empty
} s_server_t;

static void
s_serve (s_server_t *self)
{
    zsys_handler_set (NULL);
    self->server = zcert_new ();
    self->other = zcert_new ();
    snprintf (self->folder, sizeof self->folder, "/tmp/stint-keys-%d", (int) getpid ());
    mkdir (self->folder, 0700);
    self->auth = zactor_new (zauth, NULL);
    zstr_sendx (self->auth, "CURVE", self->folder, NULL);
    zsock_wait (self->auth);
    self->router = s_socket (ZMQ_ROUTER);
    int one = 1;
    zmq_setsockopt (self->router, ZMQ_CURVE_SERVER, &one, sizeof one);
    zmq_setsockopt (self->router, ZMQ_CURVE_SECRETKEY, zcert_secret_txt (self->server), 40);
    zmq_setsockopt (self->router, ZMQ_ZAP_DOMAIN, "stint", 5);
}

static void
s_serve_no_more (s_server_t *self)
{
    zmq_close (self->router);
    zactor_destroy (&self->auth);
    zcert_destroy (&self->server);
    zcert_destroy (&self->other);
    rmdir (self->folder);
}

Test (monitor, keys_that_do_not_fit_are_told_apart)
{
    s_server_t server = {0};
    s_serve (&server);
    const char *endpoint = s_bind (server.router);

    //  Our key is not known
    s_peer_t peer = s_connect (endpoint, server.other, zcert_public_txt (server.server));
    s_wait (&peer, STINT_LINK_FAILED);
    cr_assert_eq (stint_monitor_status (peer.monitor), STINT_ERR_DENIED);
    cr_assert (strstr (stint_monitor_cause (peer.monitor), "does not know this key"), "%s",
               stint_monitor_cause (peer.monitor));
    s_disconnect (&peer);

    //  The broker's key is another one
    peer = s_connect (endpoint, server.other, zcert_public_txt (server.other));
    s_wait (&peer, STINT_LINK_FAILED);
    cr_assert_eq (stint_monitor_status (peer.monitor), STINT_ERR_DENIED);
    cr_assert (strstr (stint_monitor_cause (peer.monitor), "is not the one"), "%s",
               stint_monitor_cause (peer.monitor));
    s_disconnect (&peer);

    //  We have no key at all
    s_expect_failure (endpoint, STINT_ERR_DENIED, "asks for encryption");
    s_serve_no_more (&server);
}

Test (monitor, a_broker_without_keys_is_told_from_one_with_another)
{
    zsys_handler_set (NULL);
    void *router = s_socket (ZMQ_ROUTER);
    zcert_t *cert = zcert_new ();
    s_peer_t peer = s_connect (s_bind (router), cert, zcert_public_txt (cert));
    s_wait (&peer, STINT_LINK_FAILED);
    cr_assert_eq (stint_monitor_status (peer.monitor), STINT_ERR_DENIED);
    cr_assert (strstr (stint_monitor_cause (peer.monitor), "does not use keys"), "%s",
               stint_monitor_cause (peer.monitor));
    s_disconnect (&peer);
    zcert_destroy (&cert);
    zmq_close (router);
}

Test (monitor, two_monitors_do_not_get_into_each_others_way)
{
    void *router = s_socket (ZMQ_ROUTER);
    const char *endpoint = s_bind (router);
    for (int round = 0; round < 100; round++) {
        s_peer_t one = s_connect (endpoint, NULL, NULL);
        s_peer_t other = s_connect (endpoint, NULL, NULL);
        s_wait (&other, STINT_LINK_UP);
        s_wait (&one, STINT_LINK_UP);
        s_disconnect (&one);
        s_disconnect (&other);
    }
    zmq_close (router);
}
