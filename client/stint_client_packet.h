//  stint_client_packet: a message with its frames, kept whole
//  SPDX-License-Identifier: MPL-2.0
//
//  What is pushed is kept so that the same bytes can be sent again; what comes back is
//  kept because the results that the caller sees point into it. Frames are libzmq's, so
//  sending one often copies nothing.

#ifndef STINT_CLIENT_PACKET_H
#define STINT_CLIENT_PACKET_H

#include "stint_wire.h"

#include <zmq.h>

typedef struct stint_packet {
    struct stint_packet *next;  //  In a queue, or among the spare ones
    zmq_msg_t *frames;          //  Header first
    stint_bytes_t *bytes;       //  What the frames hold, once decoded
    size_t count;               //  How many frames
    size_t capacity;            //  How many there is room for
    stint_message_t message;    //  What it says, once decoded; points into the frames
} stint_packet_t;

typedef enum {
    STINT_PACKET_SENT,    //  libzmq has it
    STINT_PACKET_UNSENT,  //  No connection stands; nothing was sent
    STINT_PACKET_TORN     //  The connection went away in the middle of it
} stint_packet_send_t;

//  Creates one without frames.
stint_packet_t *stint_packet_new (void);

//  Frees it with its frames, and sets the caller's pointer to null.
void stint_packet_destroy (stint_packet_t **self_p);

//  Frees the frames.
void stint_packet_empty (stint_packet_t *self);

//  Appends a frame that holds the bytes of `first` and then those of `second`. Copies.
void stint_packet_add (stint_packet_t *self, stint_bytes_t first, stint_bytes_t second);

//  Replaces the first frame likewise.
void stint_packet_head (stint_packet_t *self, stint_bytes_t first, stint_bytes_t second);

//  Understands the frames that are there, as stint_wire_decode does.
stint_wire_status_t stint_packet_decode (stint_packet_t *self);

//  Sends all frames, without waiting; they stay here.
stint_packet_send_t stint_packet_send (const stint_packet_t *self, void *socket);

//  Takes the next message from the socket, without waiting. Returns false when there is
//  none. Of a message with more than STINT_FRAMES_MAX frames only as many and one more
//  are kept, which is enough to refuse it.
bool stint_packet_receive (stint_packet_t *self, void *socket);

#endif
