//  stint_client_dealer: the client's connection: one DEALER, heartbeats, reconnecting
//  SPDX-License-Identifier: MPL-2.0
//
//  There is no thread: the connection lives while stint_dealer_wait is called, and the time
//  between two calls of the client is held against nobody. A socket hands messages only to
//  a connection that stands (ZMQ_IMMEDIATE), so what was never sent is known not to have
//  reached the broker. After silence for too long the socket is closed and a new one made,
//  with back-off and jitter (Paranoid Pirate, ZeroMQ RFC 6).
//
//  Two numbers tell the caller when to send again what is unanswered. `session` grows when
//  a connection begins and when the broker says that it does not know us. `greeting` grows
//  with it, and also when the broker greets us a second time, for it has forgotten us then.
//  Pushes go by session, for a broker that lacks one says so (`sequence`); everything else
//  goes by greeting. libzmq connects again by itself, between two looks of ours, so the
//  monitor counts the connections that have ended.

#ifndef STINT_CLIENT_DEALER_H
#define STINT_CLIENT_DEALER_H

#include "stint_client_packet.h"
#include "stint_monitor.h"
#include "stint_peer.h"

typedef struct {
    char *endpoint;            //  Of the broker
    void *context;             //  Of libzmq, our own: nothing waits for it at exit
    void *socket;              //  Null between two attempts to connect
    stint_monitor_t *monitor;  //  Of the socket; tells why it does not connect
    stint_peer_t peer;         //  The broker
    bool invalid;              //  The endpoint is one that no attempt will ever reach
    bool up;                   //  The socket takes messages: a connection stands
    bool heard;                //  Something came from the broker over this socket
    bool alive;                //  heard, on this or another socket of the same call
    bool greeted;              //  The greeting of this connection has come
    uint64_t ended;            //  Connections of this socket that had ended before this one
    uint32_t byes;             //  Times in a row that the broker did not know us
    uint32_t failed;           //  Sockets in a row on which nothing was heard
    uint8_t version;           //  Another version that was heard; 0 when none was
    uint64_t session;          //  See above; 0 before the first connection
    uint64_t greeting;         //  See above
    uint64_t ignored;          //  Messages on this socket that were no STP/1
    int64_t closed_at;         //  When the last one was closed
    int64_t retry_at;          //  When the next one is made, while there is none
    int64_t left_at;           //  When the caller last looked after the connection
    stint_packet_t *spare;     //  Packets to be used again
    uint32_t spare_count;      //  How many
    stint_status_t status;     //  Kind of the cause
    char cause [256];          //  Why the last socket failed
} stint_dealer_t;

//  Makes the connection and begins to connect. Copies the endpoint.
void stint_dealer_start (stint_dealer_t *self, const char *endpoint);

//  Says goodbye and closes everything. What was sent leaves within a second.
void stint_dealer_stop (stint_dealer_t *self);

//  Returns the milliseconds, and microseconds, of a clock that never goes back.
int64_t stint_dealer_now (void);
int64_t stint_dealer_now_us (void);

//  Returns a random number that is not 0.
uint64_t stint_dealer_random (void);

//  Begins a call: forgives the broker the time in which nobody looked, begins a session
//  anew that the broker may have forgotten.
void stint_dealer_enter (stint_dealer_t *self, int64_t now);

//  Cuts the back-off short when a call would be over before its end.
void stint_dealer_hurry (stint_dealer_t *self, int64_t deadline);

//  Sends what is due, connects when that is due, and waits until a message or a session
//  has come, something else is due, or the time is `until`.
void stint_dealer_wait (stint_dealer_t *self, int64_t until);

//  Returns the next message from the broker, or null when there is none now. Heartbeats
//  and goodbyes are dealt with here; what is no STP/1 is dropped and counted. Belongs to
//  the caller, who releases it.
stint_packet_t *stint_dealer_receive (stint_dealer_t *self);

//  Sends all frames of the packet, which stays with the caller, or bytes as one frame.
//  Returns false when no connection stands; then nothing was sent.
bool stint_dealer_send (stint_dealer_t *self, stint_packet_t *packet);
bool stint_dealer_send_bytes (stint_dealer_t *self, stint_bytes_t bytes);

//  Gives the connection up and makes a new one after the back-off.
void stint_dealer_lose (stint_dealer_t *self);

//  Returns true when the broker was heard on this connection, lately enough.
bool stint_dealer_well (stint_dealer_t *self);

//  Returns a sentence on why the broker is not heard, valid until the next call, and in
//  *status what kind of cause that is.
const char *stint_dealer_cause (stint_dealer_t *self, stint_status_t *status);

//  Returns what a broker's ERROR is to the caller of the library.
stint_status_t stint_dealer_refusal (stint_bytes_t code);

//  Returns an empty packet; takes one back, which is then used again.
stint_packet_t *stint_dealer_packet (stint_dealer_t *self);
void stint_dealer_release (stint_dealer_t *self, stint_packet_t **packet_p);

#endif
