//  broker_scene: a broker on a thread of its own, and peers that talk to it frame by frame
//  SPDX-License-Identifier: MPL-2.0
//
//  Whatever does not come true fails the test.

#ifndef TESTS_BROKER_SCENE_H
#define TESTS_BROKER_SCENE_H

#include "broker.h"
#include "stint_wire.h"

#include <pthread.h>
#include <zmq.h>

#define PATIENCE_MS 20000  //  Longest wait for what must come
#define SILENCE_MS 300     //  How long we listen for what must not come

//  A broker in memory, and the socket of a peer that means well.

typedef struct {
    char folder [64];     //  Deleted in the end
    char endpoint [128];  //  In it
    const char *endpoints [1];
    broker_options_t options;
    broker_t *broker;
    int control;            //  Eventfd; its number is a command, plus one
    pthread_t thread;       //  Runs the broker
    int code;               //  That it came to
    void *context;          //  Of the peers
    void *friend;           //  Asks now and then
    uint64_t request;       //  Its last one
    stint_writer_t writer;  //  Of headers
} scene_t;

//  Makes a folder and the options of a broker in memory; begins that broker and the friend;
//  both.
void scene_prepare (scene_t *self);
void scene_start (scene_t *self);
void scene_begin (scene_t *self);

//  Gives the broker a command, as whoever runs it would.
void scene_command (scene_t *self, broker_command_t command);

//  Stops the broker, which must end well, and everything else; deletes the folder only.
void scene_end (scene_t *self);
void scene_clear (scene_t *self);

//  Returns the exit code that a broker at this endpoint is refused with, 0 when it is not.
int scene_try (scene_t *self, const char *endpoint, bool insecure, char *error,
               size_t error_size);

//  Returns the DEALER of a new peer.
void *scene_peer (scene_t *self);

//  Receives one message and understands its header, which the caller closes. False when
//  none comes in time.
bool scene_hear (void *peer, int timeout_ms, zmq_msg_t *header, stint_message_t *message);

//  Waits for anything but heartbeats. Writes the code of an ERROR, or the name of another
//  command, and "" when nothing comes in time.
void scene_answer (void *peer, int timeout_ms, char text [32]);

//  Sends what was written into the writer, or a QUERY.
void scene_send (scene_t *self, void *peer);
void scene_ask (scene_t *self, void *peer, const char *what);

//  The friend asks, and must be answered. A friend that was silent for too long is told to
//  begin again first.
void scene_expect_service (scene_t *self, const char *after);

#endif
