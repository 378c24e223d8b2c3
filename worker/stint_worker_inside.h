//  stint_worker_inside: what the parts of a worker's line share
//  SPDX-License-Identifier: MPL-2.0
//
//  Private to stint_worker_link, stint_worker_say and stint_worker_hear.

#ifndef STINT_WORKER_INSIDE_H
#define STINT_WORKER_INSIDE_H

#include "stint_monitor.h"
#include "stint_peer.h"
#include "stint_worker_link.h"

#define READY_REQUESTS                                                                     \
    ((uint64_t) 1 << 63)  //  Requests from here up are READYs, not RESULTs

struct stint_line {
    const stint_link_settings_t *settings;  //  What we work for
    int64_t now;                            //  Milliseconds, read once a turn
    int64_t due;                            //  When the next turn is due
    bool sent;                              //  Something was sent since the last look

    //  The connection
    void *context;                      //  Of libzmq, our own: nobody waits for it at exit
    void *dealer;                       //  Null while we wait before the next try
    int dealer_fd;                      //  Its descriptor; -1 when it is null
    int monitor_fd;                     //  The monitor's
    stint_monitor_t *monitor;           //  Of the dealer
    stint_link_t link;                  //  As the monitor has it
    stint_peer_t peer;                  //  The broker
    bool ready;                         //  The last READY was acknowledged
    int64_t ready_at;                   //  When the last READY was sent
    uint64_t request;                   //  Number of the last READY; counts up
    uint64_t request_first;             //  Number of the first READY that said the same
    int64_t connect_until;              //  When the connection must stand
    int64_t doubt_at;                   //  When to tell why it does not; 0 when told
    int64_t bye_at;                     //  When the broker last said BYE
    bool broken;                        //  To be closed at the end of this turn
    char cause [STINT_LINK_CAUSE_MAX];  //  Why

    //  Trying again
    uint32_t failed;   //  Connections that failed since the last good one
    int64_t retry_at;  //  When to make the next socket
    uint64_t chance;   //  Of the jitter

    //  What we hold
    char name [STINT_GROUP_MAX + 1];  //  For people
    uint32_t capacity;                //  Tasks to hold
    stint_held_t *held;               //  Attempts that are ours
    stint_outbox_t *first;            //  Results that were not acknowledged, in order
    stint_outbox_t *last;             //  The newest of them
    stint_outbox_t *unsent;           //  First that was not sent on this connection
    stint_words_t words;              //  How far attempts are
    stint_news_t news;                //  For the caller

    bool finishing;     //  The caller leaves
    int64_t finish_at;  //  When we wait no longer for acknowledgements

    stint_writer_t writer;                   //  For headers
    zmq_msg_t frames [STINT_FRAMES_MAX];     //  Of the message being read
    stint_bytes_t bytes [STINT_FRAMES_MAX];  //  The same, as stint_wire sees them
};

//  Tells the caller whether we are connected, and why not; only what it does not know.
void stint_link_tell (stint_line_t *self, bool connected, const char *cause);

//  The connection is of no use any more; the first cause of a turn counts. It is closed at
//  the end of the turn.
void __attribute__ ((format (printf, 2, 3)))
stint_link_give_up (stint_line_t *self, const char *format, ...);

//  Sends a command without fields.
void stint_link_send_bare (stint_line_t *self, stp_command_t command);

//  Says how many tasks we will hold.
void stint_link_send_credit (stint_line_t *self);

//  Gives attempts back, when there is a connection. They are not claimed any more; so
//  should the message be lost, the next READY says the same by leaving them out.
void stint_link_send_return (stint_line_t *self, const stint_refs_t *refs);

//  Sends the results that were not sent on this connection.
void stint_link_send_results (stint_line_t *self);

//  Tells the broker how far attempts are, those that have something new to say.
void stint_link_send_progress (stint_line_t *self);

//  Says what we serve and claims what we hold, then sends results that the broker may
//  not have. More claims than one list can carry take several messages.
void stint_link_send_ready (stint_line_t *self);

//  Takes attempts out of the held set.
void stint_link_drop (stint_line_t *self, const stint_refs_t *refs);

//  Takes in one message from the broker, without waiting. Returns false when none is there.
bool stint_link_receive (stint_line_t *self);

#endif
