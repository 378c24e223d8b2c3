//  test_socket: signals that are handled in the middle of calls of libzmq
//  SPDX-License-Identifier: MPL-2.0

#include "stint_socket.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#define ROUNDS 400  //  Sockets
#define FRAMES 200  //  Of each message

static volatile sig_atomic_t s_signals;

static void
s_on_alarm (int number)
{
    (void) number;
    s_signals = s_signals + 1;
}

//  From now on a signal comes every so many microseconds; 0 ends that.

static void
s_disturb (int every_us)
{
    struct sigaction action = {.sa_handler = s_on_alarm};
    struct itimerval timer = {{0, every_us}, {0, every_us}};
    cr_assert_eq (sigaction (SIGALRM, &action, NULL), 0);
    cr_assert_eq (setitimer (ITIMER_REAL, &timer, NULL), 0);
}

//  Sends a message of many frames and takes it on the other side, each frame with its
//  number. Returns how many calls did not what they should: signals come, so nothing may
//  fail here.

static int
s_pass (void *from, void *to)
{
    int faults = 0;
    for (int number = 0; number < FRAMES; number++) {
        zmq_msg_t frame;
        zmq_msg_init_size (&frame, sizeof number);
        memcpy (zmq_msg_data (&frame), &number, sizeof number);
        int flags = ZMQ_DONTWAIT | (number + 1 < FRAMES ? ZMQ_SNDMORE : 0);
        faults += stint_socket_send (from, &frame, flags) != (int) sizeof number;
    }
    faults += !(stint_socket_events (to) & ZMQ_POLLIN);
    for (int number = 0; number < FRAMES; number++) {
        zmq_msg_t frame;
        zmq_msg_init (&frame);
        faults += stint_socket_receive (to, &frame, ZMQ_DONTWAIT) != (int) sizeof number
                  || memcmp (zmq_msg_data (&frame), &number, sizeof number) != 0
                  || zmq_msg_more (&frame) != (number + 1 < FRAMES);
        zmq_msg_close (&frame);
    }
    return faults;
}

//  Without trying again some of the calls below fail with EINTR in every run.

Test (socket, no_call_minds_a_signal)
{
    void *context = zmq_ctx_new ();
    for (int round = 0; round < ROUNDS; round++) {
        char here [32], told [32];
        snprintf (here, sizeof here, "inproc://here-%d", round);
        snprintf (told, sizeof told, "inproc://told-%d", round);
        void *from = zmq_socket (context, ZMQ_PAIR);
        void *to = zmq_socket (context, ZMQ_PAIR);
        void *events = zmq_socket (context, ZMQ_PAIR);
        cr_assert_eq (zmq_bind (to, here), 0);
        s_disturb (30);
        int faults = stint_socket_tell (from, told) != 0;
        faults += stint_socket_connect (events, told) != 0;
        faults += stint_socket_connect (from, here) != 0;
        faults += s_pass (from, to);
        faults += stint_socket_send_bytes (to, "back", 4, ZMQ_DONTWAIT) != 4;
        s_disturb (0);
        cr_assert_eq (faults, 0, "%d calls failed in round %d", faults, round);
        zmq_socket_monitor (from, NULL, 0);
        zmq_close (events);
        zmq_close (from);
        zmq_close (to);
    }
    s_disturb (30);
    stint_socket_end_context (context);
    s_disturb (0);
    cr_assert (s_signals > ROUNDS);
}
