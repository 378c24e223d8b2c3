//  stint_client_batch: a batch at the client, for the two files that look after it
//  SPDX-License-Identifier: MPL-2.0

#ifndef STINT_CLIENT_BATCH_H
#define STINT_CLIENT_BATCH_H

#include "stint_client_self.h"

//  Outcomes that the broker may have under way to us.
#define WINDOW 8192

//  Results of so many bytes in all are acknowledged, and all when nothing new has come for
//  so long. The broker has at most 16 MiB of results under way to one collector.
#define SETTLE_BYTES ((size_t) 1 << 20)
#define SETTLE_MS 50

struct stint_batch {
    stint_client_t *client;            //  Borrowed
    char group [STINT_GROUP_MAX + 1];  //  Where its tasks go
    char name [STINT_GROUP_MAX + 1];   //  Its own
    uint64_t number;                   //  As the broker calls it

    stint_writer_t elements;  //  Tasks of the open push, packed
    stint_packet_t *open;     //  Frame 0 is for its header, the others are large payloads
    uint32_t waiting;         //  Tasks in the open push
    uint32_t ripe;            //  Tasks with which it is sealed
    size_t waiting_bytes;     //  What they take
    bool urgent;              //  Somebody waits for what is waiting
    uint64_t pushed;          //  Tasks that were accepted before it was opened here
    uint64_t again;           //  Ends that were taken back, each of which has had a place
    uint64_t empty;           //  Places that were empty when they came

    stint_packet_t *first;  //  Messages with outcomes, oldest first
    stint_packet_t *last;   //  The latest of them
    uint64_t received;      //  Cursor after the last outcome that has come
    uint64_t returned;      //  Cursor after the last outcome that the caller was given
    uint64_t finished;      //  Cursor after the last one that it does not need any more
    uint64_t acknowledged;  //  Cursor that the broker was told
    size_t returned_bytes;  //  Of the last result that was returned
    size_t finished_bytes;  //  Of results finished with and not acknowledged
    int64_t settle_at;      //  When to acknowledge what there is; 0 while results come
    int64_t remind_at;      //  When to send COLLECT again; 0 after outcomes have come
    uint32_t gaps;          //  Times in a row that outcomes were missing
    uint64_t collect;       //  Number of the last COLLECT
    uint64_t greeting;      //  The dealer's, in which COLLECT was sent

    uint64_t ended [STINT_CANCELLED + 1];  //  Results given to the caller, by state
    stint_status_t failed;                 //  STINT_OK, or why the batch can do no more
    char text [384];                       //  What it says about that
    uint32_t calls;                        //  Since the last look at the connection
    int64_t glanced_at;                    //  When that was, on the cheap clock
};

//  Tells the broker what may be forgotten, and how many more may come. As long as it is the
//  same request the broker goes on; another one makes it send all again that was not
//  acknowledged, which is what a new connection needs.
void stint_batch_ask (stint_batch_t *self, uint32_t window);

//  Returns the last place that an outcome will have, by what is known now.
uint64_t stint_batch_places (const stint_batch_t *self);

//  Notes why the batch can do no more.
void stint_batch_fail (stint_batch_t *self, stint_status_t status, const char *text);

//  Returns STINT_OK while the batch goes on, or says why it does not.
stint_status_t stint_batch_state (stint_batch_t *self);

//  Looks after the connection without waiting, when that is due.
void stint_batch_glance (stint_batch_t *self, bool now_please);

#endif
