//  stint_client_self: what the files of the client share: the client, and its turn
//  SPDX-License-Identifier: MPL-2.0
//
//  A call begins, turns until it has what it wants or its time is over, and says how it
//  ended. Each turn sends what is due for everybody: the pushes, the batch, the one request
//  of the call that runs.

#ifndef STINT_CLIENT_SELF_H
#define STINT_CLIENT_SELF_H

#include "stint_client.h"
#include "stint_client_pushes.h"

struct stint_client {
    stint_dealer_t dealer;   //  The connection
    stint_pushes_t pushes;   //  Pushes that were not answered yet
    stint_batch_t *batch;    //  The one that is open, if any
    int timeout_ms;          //  For each call; -1 for ever
    int64_t begun_at;        //  When the call that runs began
    uint64_t requests;       //  Number of the last request
    stint_writer_t out;      //  The request of the call that runs
    uint64_t request;        //  Its number; 0 when there is none
    uint64_t greeting;       //  The dealer's, in which it was sent; 0 when it was not
    int64_t sent_us;         //  When it was sent the last time
    stint_packet_t *answer;  //  The answer to it; kept until the next call
    uint64_t wait_id;        //  The task of the last stint_client_wait
    uint64_t wait_request;   //  The number of its request
    stint_writer_t
        terms;      //  What tasks ask for that are pushed now, packed; empty: nothing
    int64_t delay;  //  Milliseconds, of these
    stint_status_t refused;  //  An ERROR that names no request, for the call that runs
    char error [640];        //  About the last call that failed
};

//  Begins a call that may take so long, and returns its deadline, INT64_MAX for never.
int64_t stint_client_begin (stint_client_t *self, int timeout_ms);

//  Sends what is due, waits until something comes, at most until then, and takes it in.
void stint_client_turn (stint_client_t *self, int64_t until);

//  Turns at least once, until done returns true: STINT_OK; until the deadline:
//  STINT_ERR_PENDING; until the connection says that it is of no use: another status, with
//  its text.
typedef bool (stint_client_done_fn) (void *argument);
stint_status_t stint_client_until (stint_client_t *self, stint_client_done_fn *done,
                                   void *argument, int64_t deadline);

//  Returns a task with that payload that asks for what tasks ask for now. Borrows.
stint_item_t stint_client_item (const stint_client_t *self, stint_bytes_t payload);

//  Returns the number of the next request.
uint64_t stint_client_number (stint_client_t *self);

//  Sends the request in `out`, which has the number in `request`, and waits for its answer,
//  which has to be the given command. The answer is then in self->answer.
stint_status_t stint_client_ask (stint_client_t *self, stp_command_t command,
                                 int64_t deadline);

//  Waits until no push is unanswered.
stint_status_t stint_client_settle (stint_client_t *self, int64_t deadline);

//  Says that the time is over, and why: STINT_ERR_TIMEOUT when `sent` and the broker was
//  heard, otherwise STINT_ERR_UNREACHABLE.
stint_status_t stint_client_late (stint_client_t *self, bool sent);

//  Keeps the text of a failure and returns its status.
stint_status_t stint_client_fail (stint_client_t *self, stint_status_t status,
                                  const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

//  Says that this is no name of a group or a batch.
stint_status_t stint_client_bad_name (stint_client_t *self, const char *name);

//  ---------------------------------------------------------------------------------
//  What the client asks of its batch

//  Sends what the batch has to send now, and returns when it has more, or INT64_MAX.
int64_t stint_batch_send (stint_batch_t *self, int64_t now);

//  Takes an OUTCOME of the batch: returns true when it keeps the packet.
bool stint_batch_outcome (stint_batch_t *self, stint_packet_t *packet);

//  Takes an ERROR. Returns false when it answers no request of the batch.
bool stint_batch_refused (stint_batch_t *self, const stint_message_t *message);

//  Returns the number of the batch.
uint64_t stint_batch_number (const stint_batch_t *self);

#endif
