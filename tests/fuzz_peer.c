//  fuzz_peer: whatever a broker may send, into a client or a worker's line
//  SPDX-License-Identifier: MPL-2.0
//
//  An input is a list of steps of eight octets, as for fuzz_session. The first tells whose
//  peer this is. In each of the others the broker sends a message, of which some fields are
//  what they should be, or the client makes a call that does not wait, or the worker ends
//  an attempt. The broker is a socket in this process, so nothing is ever under way.

#include "fuzz.h"
#include "stint_client_self.h"
#include "stint_index.h"
#include "stint_socket.h"
#include "stint_worker_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP 8
#define STEPS 128
#define CONTEXT_INPUTS 64  //  Inputs after which there is another context

typedef struct {
    void *broker;            //  The broker's socket
    char endpoint [64];      //  That it is bound to
    stint_client_t *client;  //  One of the two
    stint_batch_t *batch;    //  Of the client, if it is open
    stint_line_t *line;      //  The other one
    stint_writer_t out;      //  The message that is written
    size_t frames;           //  Payload frames behind it
    uint64_t chance;         //  Drawn from the step
} s_play_t;

static void *s_context;  //  For many inputs, because a context has threads

static uint64_t
s_draw (s_play_t *self, uint64_t limit)
{
    self->chance += 0x9e3779b97f4a7c15u;
    return stint_index_mix (self->chance) % limit;
}

//  ---------------------------------------------------------------------------------
//  What the broker sends

static const stp_command_t s_commands [] = {
    STP_ACCEPTED, STP_OUTCOME, STP_TASK,      STP_STATE,  STP_REVOKE,  STP_STALE,
    STP_FULL,     STP_ERROR,   STP_HEARTBEAT, STP_BYE,    STP_OUTCOME, STP_ACCEPTED,
    STP_TASK,     STP_ERROR,   STP_PUSH,      STP_RESULT,
};

#define COMMANDS (sizeof s_commands / sizeof s_commands [0])

//  The number of a request: one of the last, or one that is to come.

static uint64_t
s_draw_request (s_play_t *self)
{
    if (s_draw (self, 16) == 0)
        return s_draw (self, UINT64_MAX);
    if (self->client)
        return self->client->requests + 4 - s_draw (self, 12);
    return s_draw (self, 2) ? self->line->request : 1 + s_draw (self, 6);
}

static void
s_put_field (s_play_t *self, char letter)
{
    static const char *const codes [] = {"malformed", "unknown",  "sequence", "ended",
                                         "stopping",  "occupied", "invalid",  "new"};
    const uint64_t odd [] = {0, 1, 65536, UINT32_MAX, INT64_MAX, UINT64_MAX};
    uint64_t number = s_draw (self, 6) > 0 ? s_draw (self, 12) : odd [s_draw (self, 6)];
    switch (letter) {
        case 'r':
            stint_wire_number (&self->out, 'r', s_draw_request (self));
            break;
        case 'b':
            if (self->batch && s_draw (self, 8) > 0)
                number = stint_batch_number (self->batch);
            stint_wire_number (&self->out, 'b', number);
            break;
        case 'e':
            stint_wire_text (&self->out, 'e', codes [s_draw (self, 8)]);
            break;
        case 'm':
            stint_wire_text (&self->out, 'm', s_draw (self, 2) ? "a \x1b text \n" : "");
            break;
        case 'g':
            stint_wire_text (&self->out, 'g', "bread");
            break;
        case 'f':
            stint_wire_field (&self->out, 'f');
            stint_write_map (&self->out, 1);
            stint_write_text (&self->out, "tasks");
            stint_write_number (&self->out, number);
            break;
        default:
            stint_wire_number (&self->out, letter, number);
    }
}

static void
s_put_list (s_play_t *self, stp_command_t command)
{
    static const uint8_t large [STINT_INLINE_MAX + 1];
    uint32_t count = (uint32_t) s_draw (self, 5);
    size_t list = stint_wire_list (&self->out);
    for (uint32_t index = 0; index < count; index++) {
        stint_item_t item = {.id = s_draw (self, 6), .fence = s_draw (self, 3)};
        item.number = (uint32_t) s_draw (self, 4);
        item.verdict = (uint32_t) s_draw (self, 8);
        item.body = (stint_bytes_t){large, s_draw (self, 12)};
        if (s_draw (self, 8) == 0) {
            item.body.size = sizeof large;
            item.frame = ++self->frames;
        }
        stint_wire_put (&self->out, command, &item);
    }
    stint_write_array_close (&self->out, list, count);
}

static void
s_write (s_play_t *self, stp_command_t command)
{
    static const char *const wanted [] = {
        [STP_ACCEPTED] = "ric", [STP_OUTCOME] = "bkt", [STP_TASK] = "gt",
        [STP_STATE] = "rf",     [STP_REVOKE] = "t",    [STP_STALE] = "t",
        [STP_FULL] = "rd",      [STP_ERROR] = "rem",
    };
    static const char more [] = "uyzrbkscd";
    char letters [16] = "";
    snprintf (letters, sizeof letters, "%s",
              command <= STP_ERROR && wanted [command] ? wanted [command] : "");
    for (size_t count = s_draw (self, 3); count > 0; count--) {
        char extra [2] = {more [s_draw (self, sizeof more - 1)], 0};
        if (!strchr (letters, extra [0]))
            letters [strlen (letters)] = extra [0];
    }
    self->frames = 0;
    stint_wire_begin (&self->out, command, (uint32_t) strlen (letters));
    for (size_t index = 0; letters [index]; index++) {
        if (letters [index] == 't')
            s_put_list (self, command);
        else
            s_put_field (self, letters [index]);
    }
    if (s_draw (self, 16) == 0)
        self->out.data [s_draw (self, self->out.size)] = (uint8_t) s_draw (self, 256);
    if (s_draw (self, 32) == 0)
        self->out.size = s_draw (self, self->out.size + 1);
    if (s_draw (self, 16) == 0)
        self->frames = s_draw (self, 4);
}

//  Sends what was written, and listens to what the peer has said meanwhile.

static void
s_send (s_play_t *self)
{
    static const uint8_t large [STINT_INLINE_MAX + 1];
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    while (zmq_msg_recv (&frame, self->broker, ZMQ_DONTWAIT) >= 0)
        continue;
    zmq_msg_close (&frame);
    int flags = ZMQ_DONTWAIT;
    int rc = stint_socket_send_bytes (self->broker, self->out.data, self->out.size,
                                      flags | (self->frames ? ZMQ_SNDMORE : 0));
    for (size_t index = 1; rc >= 0 && index <= self->frames; index++)
        rc = stint_socket_send_bytes (self->broker, large, sizeof large,
                                      flags | (index < self->frames ? ZMQ_SNDMORE : 0));
}

static void
s_bind (s_play_t *self)
{
    static unsigned count;
    //  Closed sockets go on a thread of the context's, which may be late: now and then we
    //  wait for all of them
    if (count % CONTEXT_INPUTS == 0) {
        if (s_context)
            zmq_ctx_term (s_context);
        s_context = zmq_ctx_new ();
    }
    self->broker = zmq_socket (s_context, ZMQ_DEALER);
    must (self->broker, "no socket: %s", zmq_strerror (zmq_errno ()));
    int none = 0;
    zmq_setsockopt (self->broker, ZMQ_LINGER, &none, sizeof none);
    snprintf (self->endpoint, sizeof self->endpoint, "inproc://fuzz-%u", ++count);
    //  A signal of the fuzzer's own clock ends it now and then
    int rc;
    do
        rc = zmq_bind (self->broker, self->endpoint);
    while (rc != 0 && zmq_errno () == EINTR);
    must (rc == 0, "cannot bind %s: %s", self->endpoint, zmq_strerror (zmq_errno ()));
}

//  ---------------------------------------------------------------------------------
//  The client: each call looks once and does not wait

static void
s_call_batch (s_play_t *self, uint8_t what)
{
    stint_result_t result;
    stint_progress_t progress;
    if (!self->batch) {
        self->batch = stint_batch_open (self->client, "bread", "monday");
        return;
    }
    switch (what % 8) {
        case 0:
            stint_batch_close (&self->batch);
            break;
        case 1:
        case 2:
            stint_batch_push (self->batch, (stint_bytes_t){NULL, 0});
            break;
        case 3:
            stint_batch_flush (self->batch);
            break;
        case 4:
            stint_batch_progress (self->batch, &progress);
            break;
        default:
            if (stint_batch_next (self->batch, 0, &result) == STINT_OK)
                must (result.state >= STINT_DONE && result.state <= STINT_CANCELLED,
                      "an outcome that is none");
    }
}

static void
s_call (s_play_t *self, uint8_t what)
{
    stint_result_t result;
    stint_bytes_t state;
    int64_t took_us;
    uint64_t id;
    const stint_query_t query = {.what = "tasks"};
    const stint_setting_t setting = {"max_tasks", 5};
    switch (what % 16) {
        case 0:
            stint_client_ping (self->client, &took_us);
            break;
        case 1:
            stint_client_cancel (self->client, 5);
            break;
        case 2:
        case 3:
            if (!self->batch)
                stint_client_push (self->client, "bread", stint_bytes_of ("x"), &id);
            break;
        case 4:
            stint_client_wait (self->client, s_draw (self, 4), &result);
            break;
        case 5:
            if (stint_client_query (self->client, &query, &state) == STINT_OK)
                must (stint_pack_valid (state, SIZE_MAX), "a broken answer");
            break;
        case 6:
            stint_client_group_set (self->client, "bread", &setting, 1);
            break;
        case 7:
            stint_client_group_remove (self->client, "bread");
            break;
        case 8:
            self->client->dealer.retry_at = 0;  //  Time has passed
            stint_client_ping (self->client, &took_us);
            break;
        default:
            s_call_batch (self, what / 16);
    }
    const char *error = stint_client_error (self->client);
    must (!strpbrk (error, "\x1b\n"), "an error with a control character");
}

//  An endpoint that it refuses is replaced by one that libzmq alone knows, with a context
//  of all inputs.

static void
s_open_client (s_play_t *self)
{
    int64_t took_us;
    self->client = stint_client_new ("none");
    free (self->client->dealer.endpoint);
    self->client->dealer.endpoint = strdup (self->endpoint);
    self->client->dealer.context = s_context;
    self->client->dealer.invalid = false;
    stint_client_set_timeout (self->client, 0);
    stint_client_ping (self->client, &took_us);
}

static void
s_close_client (s_play_t *self)
{
    stint_batch_close (&self->batch);
    self->client->dealer.context = NULL;
    stint_client_destroy (&self->client);
}

//  ---------------------------------------------------------------------------------
//  The worker: its line, without the thread that keeps it

static const stint_link_settings_t s_settings = {.endpoint = "inproc://fuzz",
                                                 .groups = (char [1][65]){"bread"},
                                                 .group_count = 1,
                                                 .worker = 7};

static void
s_open_line (s_play_t *self)
{
    self->line = calloc (1, sizeof *self->line);
    must (self->line, "no memory");
    self->line->settings = &s_settings;
    self->line->request = READY_REQUESTS;
    self->line->held = stint_held_new ();
    self->line->capacity = 5;
    self->line->link = STINT_LINK_UP;
    self->line->peer.heartbeat_ms = 1000;
    self->line->dealer = zmq_socket (s_context, ZMQ_DEALER);
    must (self->line->dealer && zmq_connect (self->line->dealer, self->endpoint) == 0,
          "cannot connect");
    int none = 0;
    zmq_setsockopt (self->line->dealer, ZMQ_LINGER, &none, sizeof none);
    stint_link_send_ready (self->line);
}

//  The caller takes what has come, and ends the first attempt of it.

static void
s_work (s_play_t *self, uint8_t what)
{
    stint_news_t *news = &self->line->news;
    stint_parcel_t *parcel = news->first;
    stint_refs_clear (&news->lost);
    if (!parcel) {
        self->line->now += what % 4 * 700;
        return;
    }
    news->first = parcel->next;
    const stint_parcel_task_t *task = &parcel->tasks [0];
    if (what % 4 == 0) {
        stint_refs_t refs = {NULL, 0, 0};
        stint_refs_add (&refs, task->id, task->fence);
        stint_line_return (self->line, &refs);
        stint_refs_clear (&refs);
    }
    else {
        stint_outbox_t *outbox = stint_outbox_new (1 + s_draw (self, 6), 100);
        stint_item_t item = {.id = task->id, .fence = task->fence, .body = task->payload};
        stint_outbox_put (outbox, &item);
        stint_line_results (self->line, outbox);
    }
    stint_parcel_destroy (&parcel);
}

static void
s_hear (s_play_t *self)
{
    stint_line_t *line = self->line;
    while (stint_link_receive (line))
        continue;
    must (!strpbrk (line->cause, "\x1b\n"), "a cause with a control character");
    if (line->broken) {
        line->broken = line->ready = false;
        line->unsent = line->first;
        stint_link_send_ready (line);
    }
}

static void
s_close_line (s_play_t *self)
{
    stint_line_t *line = self->line;
    zmq_close (line->dealer);
    line->dealer = NULL;
    stint_line_destroy (&self->line);
}

//  ---------------------------------------------------------------------------------

static void
s_step (s_play_t *self, const uint8_t *step)
{
    memcpy (&self->chance, step, sizeof self->chance);
    if (step [0] < 160) {
        s_write (self, s_commands [step [0] % COMMANDS]);
        s_send (self);
        if (self->line)
            s_hear (self);
    }
    else if (self->client)
        s_call (self, step [1]);
    else
        s_work (self, step [1]);
}

int
fuzz_peer (const uint8_t *data, size_t size)
{
    if (size < STEP)
        return 0;
    s_play_t self = {.broker = NULL};
    s_bind (&self);
    (data [0] % 2 ? s_open_client : s_open_line) (&self);
    for (size_t step = 1; step < STEPS && (step + 1) * STEP <= size; step++)
        s_step (&self, data + step * STEP);
    (self.client ? s_close_client : s_close_line) (&self);
    zmq_close (self.broker);
    stint_writer_clear (&self.out);
    return 0;
}
