//  Tests of stint_endpoint: which broker is found, and which texts are refused
//  SPDX-License-Identifier: MPL-2.0

#include "stint_endpoint.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char s_runtime [] = "/tmp/stint-test-endpoint-XXXXXX";

static void
s_set_up (void)
{
    cr_assert (mkdtemp (s_runtime));
    setenv ("XDG_RUNTIME_DIR", s_runtime, 1);
    unsetenv ("STINT_BROKER");
}

static void
s_tear_down (void)
{
    char path [128];
    snprintf (path, sizeof path, "%s/stint/broker.sock", s_runtime);
    unlink (path);
    snprintf (path, sizeof path, "%s/stint", s_runtime);
    rmdir (path);
    rmdir (s_runtime);
}

TestSuite (endpoint, .init = s_set_up, .fini = s_tear_down, .timeout = 20);

//  Returns the endpoint below the test's own runtime folder. Valid until the next call.

static const char *
s_in_runtime (void)
{
    static char address [100];
    snprintf (address, sizeof address, "ipc://%s/stint/broker.sock", s_runtime);
    return address;
}

static void
s_bind (const char *address)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf (name.sun_path, sizeof name.sun_path, "%s", address + strlen ("ipc://"));
    int handle = socket (AF_UNIX, SOCK_STREAM, 0);
    cr_assert (bind (handle, (struct sockaddr *) &name, sizeof name) == 0);
    close (handle);
}

static void
s_expect (const char *given, const char *address, const char *source)
{
    stint_endpoint_t endpoint;
    cr_assert (stint_endpoint_find (&endpoint, given) == STINT_OK);
    cr_assert_str_eq (endpoint.address, address);
    cr_assert_str_eq (endpoint.source, source);
}

Test (endpoint, a_flag_wins_over_the_variable_and_that_over_what_is_there)
{
    cr_assert (stint_endpoint_make_folder (s_in_runtime ()) == 0);
    s_bind (s_in_runtime ());
    s_expect (NULL, s_in_runtime (), "found");
    setenv ("STINT_BROKER", "tcp://127.0.0.1:5570", 1);
    s_expect (NULL, "tcp://127.0.0.1:5570", "$STINT_BROKER");
    s_expect ("", "tcp://127.0.0.1:5570", "$STINT_BROKER");
    s_expect ("ipc://@abstract", "ipc://@abstract", "-b");
    setenv ("STINT_BROKER", "", 1);
    s_expect (NULL, s_in_runtime (), "found");
}

Test (endpoint, without_any_broker_it_is_where_one_would_listen)
{
    stint_endpoint_t endpoint;
    stint_endpoint_default (&endpoint);
    cr_assert_str_eq (endpoint.address, s_in_runtime ());
    cr_assert_str_eq (endpoint.source, "default");
}

Test (endpoint, without_a_runtime_folder_it_is_the_systems_or_the_users_own)
{
    char own [64];
    snprintf (own, sizeof own, "ipc:///tmp/stint-%lu/broker.sock",
              (unsigned long) geteuid ());
    bool system = geteuid () == 0 && access ("/run/stint", F_OK) == 0;
    const char *expected = system ? "ipc:///run/stint/broker.sock" : own;
    stint_endpoint_t endpoint;
    unsetenv ("XDG_RUNTIME_DIR");
    stint_endpoint_default (&endpoint);
    cr_assert_str_eq (endpoint.address, expected);

    setenv ("XDG_RUNTIME_DIR", "not/absolute", 1);
    stint_endpoint_default (&endpoint);
    cr_assert_str_eq (endpoint.address, expected);

    char longest [121];
    memset (longest, '/', sizeof longest - 1);
    longest [sizeof longest - 1] = 0;
    setenv ("XDG_RUNTIME_DIR", longest, 1);
    stint_endpoint_default (&endpoint);
    cr_assert_str_eq (endpoint.address, expected, "no socket has so long a path");
}

//  Only root can be somebody else.

Test (endpoint, a_folder_of_another_user_is_not_waited_at)
{
    if (geteuid () != 0)
        return;
    unsetenv ("XDG_RUNTIME_DIR");
    const char *folder = "/tmp/stint-4000000123";
    mkdir (folder, 0755);
    cr_assert (seteuid (4000000123) == 0);
    s_expect (NULL, "ipc:///run/stint/broker.sock", "default");
    cr_assert (seteuid (0) == 0);
    rmdir (folder);
    cr_assert (seteuid (4000000123) == 0);
    s_expect (NULL, "ipc:///tmp/stint-4000000123/broker.sock", "default");
    cr_assert (seteuid (0) == 0);
    cr_assert (rmdir (folder) == 0, "it was not made");
}

Test (endpoint, what_is_no_endpoint_is_refused_and_named)
{
    static const char *const wrong [] = {
        "broker",      "ipc://",       "tcp://",           "tcp://host",    "tcp://:1",
        "tcp://host:", "tcp://host:0", "tcp://host:65536", "tcp://host:1x", "tcp://host:-1",
        "inproc://x",  "IPC:///x",     " ipc:///x"};
    stint_endpoint_t endpoint;
    for (size_t index = 0; index < sizeof wrong / sizeof wrong [0]; index++) {
        cr_assert (stint_endpoint_find (&endpoint, wrong [index]) == STINT_ERR_INVALID,
                   "%s", wrong [index]);
        cr_assert_str_eq (endpoint.address, wrong [index]);
        cr_assert_str_eq (endpoint.source, "-b");
    }
    setenv ("STINT_BROKER", "nonsense", 1);
    cr_assert (stint_endpoint_find (&endpoint, NULL) == STINT_ERR_INVALID);
    cr_assert_str_eq (endpoint.source, "$STINT_BROKER");
}

Test (endpoint, a_socket_has_at_most_107_bytes_of_path)
{
    char address [512];
    memset (address, 'x', sizeof address);
    memcpy (address, "ipc:///", 7);
    address [6 + 107] = 0;
    cr_assert (stint_endpoint_is_valid (address));
    address [6 + 107] = 'x';
    address [6 + 108] = 0;
    cr_assert_not (stint_endpoint_is_valid (address));
    address [6 + 108] = 'x';
    address [sizeof address - 1] = 0;
    stint_endpoint_t endpoint;
    cr_assert (stint_endpoint_find (&endpoint, address) == STINT_ERR_INVALID);
    cr_assert (strlen (endpoint.address) == STINT_ENDPOINT_MAX);
}

Test (endpoint, the_folder_is_made_for_this_user_alone)
{
    struct stat state;
    char folder [128];
    snprintf (folder, sizeof folder, "%s/stint", s_runtime);
    cr_assert (stint_endpoint_make_folder (s_in_runtime ()) == 0);
    cr_assert (stat (folder, &state) == 0);
    cr_assert ((state.st_mode & 07777) == 0700);
    cr_assert (stint_endpoint_make_folder (s_in_runtime ()) == 0, "it may be there");
    cr_assert (stint_endpoint_make_folder ("tcp://127.0.0.1:1") == 0);
    cr_assert (stint_endpoint_make_folder ("ipc://@abstract/x") == 0);
    cr_assert (stint_endpoint_make_folder ("ipc:///nowhere/at/all/x") == ENOENT);
    //  The test's folder begins as the one under /tmp does.
    cr_assert (chmod (s_runtime, 0777) == 0);
    snprintf (folder, sizeof folder, "ipc://%s/x", s_runtime);
    cr_assert (stint_endpoint_make_folder (folder) == EPERM);
}
