//  fake_broker: a broker whose every answer is written by hand, for tests of the client
//  SPDX-License-Identifier: MPL-2.0
//
//  A ROUTER in a thread of its own, on an ipc endpoint in a folder of its own. The thread
//  runs a script: what it expects, what it answers. A script that does not get what it
//  expects within ten seconds says so and aborts the test.

#ifndef TESTS_FAKE_BROKER_H
#define TESTS_FAKE_BROKER_H

#include "stint_wire.h"

#include <pthread.h>
#include <semaphore.h>
#include <zmq.h>

#define FAKE_FRAMES 64

typedef struct fake fake_t;
typedef void (fake_fn) (fake_t *self);

struct fake {
    char folder [64];      //  Where the endpoint is
    char endpoint [128];   //  What the client connects to
    void *context;         //  Of libzmq
    void *socket;          //  ROUTER; null while there is no broker
    pthread_t thread;      //  Runs the script
    fake_fn *script;       //  What it runs
    sem_t go;              //  Counts the calls of fake_go
    uint8_t peer [64];     //  Routing id of the peer that was heard last
    size_t peer_size;      //  Its length
    uint32_t heartbeats;   //  How many came since the message before the last one
    stint_message_t last;  //  The message that was heard last

    zmq_msg_t frames [FAKE_FRAMES];     //  Its frames
    stint_bytes_t bytes [FAKE_FRAMES];  //  What they hold
    size_t count;                       //  How many
    stint_writer_t out;                 //  The answer that is being written
};

//  Makes the folder and the endpoint's name, and binds when there is a script, which then
//  begins in its thread.
void fake_start (fake_t *self, fake_fn *script);

//  Begins a script in its thread, after a start without one. It has to bind.
void fake_run (fake_t *self, fake_fn *script);

//  Waits for the end of the script.
void fake_join (fake_t *self);

//  Waits for the end of the script and removes everything.
void fake_stop (fake_t *self);

//  The script waits until the test says go.
void fake_wait (fake_t *self);
void fake_go (fake_t *self);

//  Closes the socket as a dying broker does, and begins anew at the same endpoint.
void fake_die (fake_t *self);
void fake_bind (fake_t *self);

//  Waits for the next message that is no HEARTBEAT; it has to be that command. It is then
//  in `last` and `bytes`.
void fake_expect (fake_t *self, stp_command_t command);

//  Waits until so many heartbeats have come.
void fake_expect_heartbeats (fake_t *self, uint32_t count);

//  Sends frames to the peer that was heard last.
void fake_send (fake_t *self, const stint_bytes_t *frames, size_t count);

//  Sends what is in `out`.
void fake_send_out (fake_t *self);

//  Answers to the last message, or to the request of that number.
void fake_greet (fake_t *self, uint64_t heartbeat_ms, uint64_t liveness);
void fake_bye (fake_t *self);
void fake_accept (fake_t *self, uint64_t request, uint64_t id, uint64_t count);
void fake_open (fake_t *self, uint64_t batch, uint64_t count, uint64_t cursor);
void fake_full (fake_t *self, uint64_t request, uint64_t delay_ms, const char *text);
void fake_error (fake_t *self, uint64_t request, const char *code, const char *text);
void fake_sequence (fake_t *self, uint64_t request, uint64_t sequence);

//  Answers a stint_client_ping: the map {"epoch": 7}.
void fake_pong (fake_t *self);

//  Sends the outcomes of tasks number from to to of a batch: task n is 100 + n, done, with
//  the result "result n", the cursor after task n is n.
void fake_outcomes (fake_t *self, uint64_t batch, uint64_t from, uint64_t to);

//  Returns true when the bytes are those of the text.
bool fake_is (stint_bytes_t bytes, const char *text);

//  Aborts the test unless it is true.
#define fake_assert(condition) fake_check ((condition), #condition, __LINE__)
void fake_check (bool condition, const char *text, int line);

#endif
