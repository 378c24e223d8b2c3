//  stint_endpoint: where the broker is, for whoever was not told
//  SPDX-License-Identifier: MPL-2.0

#include "stint_endpoint.h"
#include "stint_units.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define IPC "ipc://"
#define TCP "tcp://"
#define FOLDER_OF_SYSTEM "/run/stint"
#define SOCKET_NAME "broker.sock"

static bool
s_starts_with (const char *text, const char *start)
{
    return strncmp (text, start, strlen (start)) == 0;
}

bool
stint_endpoint_is_valid (const char *address)
{
    if (strlen (address) > STINT_ENDPOINT_MAX)
        return false;
    if (s_starts_with (address, IPC)) {
        size_t size = strlen (address) - strlen (IPC);
        return size > 0 && size < sizeof ((struct sockaddr_un *) NULL)->sun_path;
    }
    if (!s_starts_with (address, TCP))
        return false;
    const char *host = address + strlen (TCP);
    const char *port = strrchr (host, ':');
    int64_t number;
    return port && port != host && stint_units_parse_count (port + 1, &number)
           && number >= 1 && number <= 65535;
}

//  Returns false when it does not fit.

static bool
s_set (stint_endpoint_t *self, const char *source, const char *format, const char *text)
{
    self->source = source;
    int size = snprintf (self->address, sizeof self->address, format, text);
    return size >= 0 && (size_t) size < sizeof self->address;
}

static bool
s_set_temporary (stint_endpoint_t *self, const char *source)
{
    char user [32];
    snprintf (user, sizeof user, "%lu", (unsigned long) geteuid ());
    return s_set (self, source, IPC "/tmp/stint-%s/" SOCKET_NAME, user);
}

static const char *
s_runtime_folder (void)
{
    const char *folder = getenv ("XDG_RUNTIME_DIR");
    return folder && folder [0] == '/' ? folder : NULL;
}

//  Returns the path of an ipc endpoint's folder, cut out of its address; false when it has
//  none.

static bool
s_folder_of (const char *address, char *path, size_t size)
{
    const char *start = address + strlen (IPC);
    const char *end = strrchr (address, '/');
    if (!s_starts_with (address, IPC) || start [0] == '@' || end <= start)
        return false;
    int length = snprintf (path, size, "%.*s", (int) (end - start), start);
    return length >= 0 && (size_t) length < size;
}

//  Returns true when nobody else can have put a socket there.

static bool
s_is_ours (const char *folder)
{
    struct stat state;
    return lstat (folder, &state) == 0 && S_ISDIR (state.st_mode)
           && state.st_uid == geteuid () && !(state.st_mode & (S_IWGRP | S_IWOTH));
}

static bool
s_is_socket (const stint_endpoint_t *self)
{
    struct stat state;
    return stat (self->address + strlen (IPC), &state) == 0 && S_ISSOCK (state.st_mode);
}

//  Sets the first of the usual sockets that is there.

static bool
s_search (stint_endpoint_t *self)
{
    const char *runtime = s_runtime_folder ();
    if (runtime && s_set (self, "found", IPC "%s/stint/" SOCKET_NAME, runtime)
        && s_is_socket (self))
        return true;
    char folder [STINT_ENDPOINT_MAX + 1];
    if (s_set_temporary (self, "found") && s_is_socket (self)
        && s_folder_of (self->address, folder, sizeof folder) && s_is_ours (folder))
        return true;
    return s_set (self, "found", IPC "%s/" SOCKET_NAME, FOLDER_OF_SYSTEM)
           && s_is_socket (self);
}

static stint_status_t
s_take (stint_endpoint_t *self, const char *source, const char *address)
{
    s_set (self, source, "%s", address);
    return stint_endpoint_is_valid (address) ? STINT_OK : STINT_ERR_INVALID;
}

stint_status_t
stint_endpoint_find (stint_endpoint_t *self, const char *given)
{
    if (given && *given)
        return s_take (self, "-b", given);
    const char *variable = getenv ("STINT_BROKER");
    if (variable && *variable)
        return s_take (self, "$STINT_BROKER", variable);
    if (s_search (self))
        return STINT_OK;

    //  Who made the folder under /tmp before us could put a socket into it while we wait.
    stint_endpoint_default (self);
    if (stint_endpoint_make_folder (self->address) == EPERM)
        s_set (self, "default", IPC "%s/" SOCKET_NAME, FOLDER_OF_SYSTEM);
    return STINT_OK;
}

void
stint_endpoint_default (stint_endpoint_t *self)
{
    const char *runtime = s_runtime_folder ();
    if (runtime && s_set (self, "default", IPC "%s/stint/" SOCKET_NAME, runtime)
        && stint_endpoint_is_valid (self->address))
        return;
    struct stat state;
    if (geteuid () == 0 && stat (FOLDER_OF_SYSTEM, &state) == 0 && S_ISDIR (state.st_mode))
        s_set (self, "default", IPC "%s/" SOCKET_NAME, FOLDER_OF_SYSTEM);
    else
        s_set_temporary (self, "default");
}

int
stint_endpoint_make_folder (const char *address)
{
    char folder [STINT_ENDPOINT_MAX + 1];
    if (!s_folder_of (address, folder, sizeof folder))
        return 0;
    if (mkdir (folder, 0700) == 0)
        return 0;
    if (errno != EEXIST)
        return errno;
    return s_starts_with (folder, "/tmp/stint-") && !s_is_ours (folder) ? EPERM : 0;
}
