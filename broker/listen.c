//  listen: the broker's socket, with libzmq set right, and the addresses it is bound to
//  SPDX-License-Identifier: MPL-2.0

#include "listen.h"

#include "stint_endpoint.h"
#include "stint_wire.h"

#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

//  What libzmq does when it is not told, and what that costs, was measured on 4.3.4.
//
//  ZMTP's own heartbeats stay off, and nothing bounds what a peer has sent: where libzmq
//  has stopped reading a peer that then leaves, a heartbeat that is due, or one in what was
//  not read yet, makes it abort (its issues 3596, 4364). STP's heartbeats tell who is gone,
//  and keep-alives of the kernel close what is left of a link that was cut.

static const struct {
    int option;
    int value;
} s_settings [] = {
    {ZMQ_ROUTER_MANDATORY, 1},  //  0: what a slow or dead peer should get is lost unseen
    {ZMQ_ROUTER_HANDOVER, 0},   //  1: a peer could take over another one's routing id
    {ZMQ_SNDHWM, 10000},        //  Credit bounds what we send; this bounds who asks only
    {ZMQ_RCVHWM, 0},            //  See above
    {ZMQ_HEARTBEAT_IVL, 0},     //  See above
    {ZMQ_LINGER, 1000},         //  -1: a peer that does not read would keep us from ending
    {ZMQ_HANDSHAKE_IVL, 5000},  //  30 s: half-open connections would pile up
    {ZMQ_TCP_KEEPALIVE, 1},     //  0: a link that is cut would never be closed
    {ZMQ_TCP_KEEPALIVE_IDLE, 10},  //  Seconds; the kernel's own is two hours
    {ZMQ_TCP_KEEPALIVE_INTVL, 5},
    {ZMQ_TCP_KEEPALIVE_CNT, 3},
    {ZMQ_BACKLOG, 4096},  //  100: ten thousand workers come back at once
};

void *
listen_socket (void *context)
{
    void *router = zmq_socket (context, ZMQ_ROUTER);
    if (!router)
        return NULL;
    for (size_t index = 0; index < sizeof s_settings / sizeof s_settings [0]; index++) {
        int rc = zmq_setsockopt (router, s_settings [index].option,
                                 &s_settings [index].value, sizeof (int));
        assert (rc == 0);
        (void) rc;
    }
    //  -1: one frame may announce 8 EiB, and libzmq believes it, before anybody is known
    int64_t largest = (int64_t) STINT_PAYLOAD_MAX;
    int rc = zmq_setsockopt (router, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    assert (rc == 0);
    (void) rc;
    return router;
}

//  Any free port may be asked for by a "*".

bool
listen_is_endpoint (const char *endpoint)
{
    size_t size = strlen (endpoint);
    char port_one [STINT_ENDPOINT_MAX + 1];
    if (size < sizeof port_one && strncmp (endpoint, "tcp://", 6) == 0
        && strcmp (endpoint + size - 2, ":*") == 0) {
        memcpy (port_one, endpoint, size + 1);
        port_one [size - 1] = '1';
        endpoint = port_one;
    }
    return stint_endpoint_is_valid (endpoint);
}

static int
s_refuse (char *error, size_t error_size, int code, const char *endpoint, const char *why)
{
    snprintf (error, error_size, "cannot listen on %s: %s", endpoint, why);
    return code;
}

//  libzmq takes any ipc address away from whoever listens on it. So we look first.

static bool
s_is_alive (const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen (path) >= sizeof address.sun_path)
        return false;
    memcpy (address.sun_path, path, strlen (path));
    int handle = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (handle < 0)
        return false;
    bool alive = connect (handle, (struct sockaddr *) &address, sizeof address) == 0;
    close (handle);
    return alive;
}

//  Says who has the folder of the socket, which others could put theirs into.

static int
s_refuse_folder (const char *endpoint, char *error, size_t error_size)
{
    char folder [STINT_ENDPOINT_MAX + 1], why [2 * STINT_ENDPOINT_MAX] = "";
    struct stat known = {.st_uid = geteuid ()};
    const char *path = endpoint + strlen ("ipc://");
    snprintf (folder, sizeof folder, "%.*s", (int) (strrchr (path, '/') - path), path);
    bool found = lstat (folder, &known) == 0;
    const struct passwd *owner = getpwuid (known.st_uid);
    if (found && known.st_uid != geteuid ())
        snprintf (why, sizeof why, "%s belongs to user %s (%lu)", folder,
                  owner ? owner->pw_name : "?", (unsigned long) known.st_uid);
    else if (found && !S_ISDIR (known.st_mode))
        snprintf (why, sizeof why, "%s is no directory", folder);
    else
        snprintf (why, sizeof why, "others may write to %s", folder);
    snprintf (error, error_size,
              "cannot listen on %s: %s; set XDG_RUNTIME_DIR to a folder of your own, or "
              "give --listen",
              endpoint, why);
    return 78;
}

static int
s_prepare_ipc (const char *endpoint, char *error, size_t error_size)
{
    const char *path = endpoint + strlen ("ipc://");
    int rc = stint_endpoint_make_folder (endpoint);
    if (rc == EPERM)
        return s_refuse_folder (endpoint, error, error_size);
    if (rc != 0)
        return s_refuse (error, error_size, 78, endpoint, strerror (rc));
    if (s_is_alive (path))
        return s_refuse (error, error_size, 69, endpoint,
                         "another program listens there; stop it, or give --listen");
    return 0;
}

//  Without keys, whoever reaches a tcp port could run programs on our workers.

static int
s_check_tcp (const char *endpoint, bool insecure, char *error, size_t error_size)
{
    const char *host = endpoint + strlen ("tcp://");
    bool loopback = strncmp (host, "127.", 4) == 0 || strncmp (host, "[::1]", 5) == 0;
    if (!insecure)
        return s_refuse (
            error, error_size, 78, endpoint,
            "without keys anyone there could run programs here; use ipc://, or "
            "--insecure on 127.0.0.1");
    if (!loopback)
        return s_refuse (error, error_size, 78, endpoint,
                         "--insecure is for the loopback only: 127.0.0.1, [::1]");
    return 0;
}

//  Notes which file the socket is, so that no other is ever removed in its place.

static void
s_note_file (listen_bound_t *self, const char *path)
{
    struct stat known;
    if (lstat (path, &known) != 0 || !S_ISSOCK (known.st_mode))
        return;
    snprintf (self->path, sizeof self->path, "%s", path);
    self->device = known.st_dev;
    self->node = known.st_ino;
}

int
listen_bind (void *router, const char *endpoint, bool insecure, listen_bound_t *bound,
             char *error, size_t error_size)
{
    bool ipc = strncmp (endpoint, "ipc://", 6) == 0;
    int code = 0;
    if (!listen_is_endpoint (endpoint))
        code = s_refuse (error, error_size, 78, endpoint, LISTEN_ENDPOINTS);
    else if (ipc)
        code = s_prepare_ipc (endpoint, error, error_size);
    else
        code = s_check_tcp (endpoint, insecure, error, error_size);
    if (code)
        return code;
    if (strncmp (endpoint, "tcp://[", 7) == 0) {
        int on = 1;
        zmq_setsockopt (router, ZMQ_IPV6, &on, sizeof on);
    }

    //  The socket file is for this user only from its first moment
    mode_t mask = umask (0177);
    int rc = zmq_bind (router, endpoint);
    int why = errno;
    umask (mask);
    if (rc != 0)
        return s_refuse (error, error_size, 69, endpoint, zmq_strerror (why));
    size_t size = sizeof bound->endpoint;
    zmq_getsockopt (router, ZMQ_LAST_ENDPOINT, bound->endpoint, &size);
    if (ipc)
        s_note_file (bound, endpoint + strlen ("ipc://"));
    return 0;
}

void
listen_remove_file (listen_bound_t *self)
{
    struct stat known;
    if (self->path [0] && lstat (self->path, &known) == 0 && S_ISSOCK (known.st_mode)
        && known.st_dev == self->device && known.st_ino == self->node)
        unlink (self->path);
    self->path [0] = 0;
}
