//  soak_load: measures what workers can do, then offers them a multiple of it
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: soak_load ENDPOINT GROUP WINDOW FACTOR SECONDS SECONDS ROUNDS
//
//  First, for so many seconds, it keeps WINDOW tasks in the group: what comes back in a
//  second is the capacity. Then it offers FACTOR times as much, whatever the broker
//  answers: what is answered with FULL is dropped and counted, as a client would that has
//  no time to wait. It waits until all that was accepted has come back, and begins again,
//  for so many rounds: what else the machine does meets both in the same way.
//
//  Prints one line of NAME=VALUE. Ends with 1 when a task that was accepted is lost, comes
//  twice, or was never accepted.

#include "soak.h"

#include <inttypes.h>
#include <poll.h>

#define PRODUCERS 4           //  Connections that push
#define PUSH_MAX 32           //  Most tasks of a push
#define ACK_US 5000           //  Between two acknowledgements of outcomes
#define BEAT_US 500000        //  Between two heartbeats of the collector
#define PATIENCE_US 30000000  //  Longest wait for anything

enum {
    TASK_PUSHED = 1,
    TASK_ACCEPTED = 2,
    TASK_DONE = 4
};

typedef struct {
    zmtp_t wire;        //  The connection
    uint64_t id;        //  Of the producer
    uint64_t sequence;  //  Of the next push
    uint64_t first;     //  Number of the first task of the push on its way
    uint32_t count;     //  Tasks of that push; 0 when there is none
    int64_t asked_at;   //  When it was sent
} s_producer_t;

typedef struct {
    const char *endpoint;                //  Of the broker
    const char *group;                   //  To push to
    s_producer_t producers [PRODUCERS];  //  Who push
    zmtp_t collector;                    //  Who collects
    uint64_t batch;                      //  Number of the batch
    uint64_t cursor;                     //  Of the outcomes that came
    int64_t told_at;                     //  When the collector sent something last
    uint64_t told;                       //  Cursor that it sent
    uint8_t *tasks;                      //  What became of each, by number
    uint64_t offered;                    //  Tasks pushed
    uint64_t room;                       //  Of tasks
    uint64_t accepted;                   //  Tasks accepted
    uint64_t refused;                    //  Tasks answered with FULL
    uint64_t full;                       //  FULL answers
    uint64_t done;                       //  Outcomes that came
    soak_times_t answers;                //  From a push to its answer
    soak_times_t times;                  //  From a push to the outcome
    int64_t now;                         //  Of this turn
    int64_t heard_at;                    //  When the last message came
    stint_writer_t writer;               //  Of headers
} s_load_t;

//  ---------------------------------------------------------------------------------
//  Outcomes

static void
s_collect (s_load_t *self)
{
    bool first = self->told_at == 0;
    stint_wire_begin (&self->writer, STP_COLLECT, first ? 3 : 4);
    stint_wire_number (&self->writer, 'r', 1);
    stint_wire_number (&self->writer, 'b', self->batch);
    stint_wire_number (&self->writer, 'c', 65536);
    if (!first)
        stint_wire_number (&self->writer, 'k', self->cursor);
    soak_send (&self->collector, &self->writer);
    self->told = self->cursor;
    self->told_at = self->now;
}

static void
s_take (s_load_t *self, const stint_item_t *item)
{
    uint64_t task;
    int64_t pushed_at;
    if (item->verdict != STINT_DONE || item->body.size != 16)
        soak_fail ("a task did not end well: state %u", item->verdict);
    memcpy (&task, item->body.data, 8);
    memcpy (&pushed_at, item->body.data + 8, 8);
    if (task >= self->offered)
        soak_fail ("a result of a task that nobody pushed");
    if (self->tasks [task] & TASK_DONE)
        soak_fail ("task %" PRIu64 " has come twice", task);
    self->tasks [task] |= TASK_DONE;
    soak_note (&self->times, self->now - pushed_at);
    self->done++;
}

static void
s_hear_outcomes (s_load_t *self)
{
    stint_message_t message;
    while (soak_hear (&self->collector, &message)) {
        self->heard_at = self->now;
        if (message.command == STP_ACCEPTED && message.batch)
            self->batch = message.batch;
        else if (message.command == STP_OUTCOME) {
            stint_item_t item;
            while (stint_wire_next (&message, &item))
                s_take (self, &item);
            self->cursor = message.cursor;
        }
        else if (message.command != STP_HEARTBEAT)
            soak_fail ("the collector was told %s", stint_wire_name (message.command));
    }
}

//  ---------------------------------------------------------------------------------
//  Pushes

static void
s_push (s_load_t *self, s_producer_t *producer, uint32_t count)
{
    if (self->offered + count > self->room) {
        uint64_t room = self->room * 2 + PUSH_MAX;
        self->tasks = soak_memory (self->tasks, room, 1);
        memset (self->tasks + self->room, 0, room - self->room);
        self->room = room;
    }
    producer->first = self->offered;
    producer->count = count;
    producer->asked_at = self->now;
    stint_writer_t *out = &self->writer;
    stint_wire_begin (out, STP_PUSH, 6);
    stint_wire_number (out, 'r', producer->first + 1);
    stint_wire_text (out, 'g', self->group);
    stint_wire_number (out, 'p', producer->id);
    stint_wire_number (out, 's', producer->sequence);
    stint_wire_number (out, 'b', self->batch);
    size_t where = stint_wire_list (out);
    for (uint32_t index = 0; index < count; index++) {
        uint64_t payload [2] = {self->offered, (uint64_t) self->now};
        stint_item_t item = {.body = {(const uint8_t *) payload, sizeof payload}};
        stint_wire_put (out, STP_PUSH, &item);
        self->tasks [self->offered++] = TASK_PUSHED;
    }
    stint_write_array_close (out, where, count);
    soak_send (&producer->wire, out);
}

static void
s_hear_answers (s_load_t *self, s_producer_t *producer)
{
    stint_message_t message;
    while (soak_hear (&producer->wire, &message)) {
        self->heard_at = self->now;
        if (message.command == STP_HEARTBEAT || message.command == STP_BYE)
            continue;
        if (message.request != producer->first + 1)
            soak_fail ("an answer to another request");
        if (message.command == STP_ACCEPTED) {
            for (uint32_t index = 0; index < producer->count; index++)
                self->tasks [producer->first + index] |= TASK_ACCEPTED;
            self->accepted += producer->count;
            producer->sequence += producer->count;
        }
        else if (message.command == STP_FULL) {
            self->refused += producer->count;
            self->full++;
        }
        else
            soak_fail ("a push was answered with %s: %.*s",
                       stint_wire_name (message.command), (int) message.text.size,
                       (const char *) message.text.data);
        soak_note (&self->answers, self->now - producer->asked_at);
        producer->count = 0;
    }
}

//  ---------------------------------------------------------------------------------
//  The loop

//  Sends and receives what there is, waiting at most a millisecond.

static void
s_turn (s_load_t *self)
{
    struct pollfd items [PRODUCERS + 1];
    zmtp_t *wires [PRODUCERS + 1] = {&self->collector};
    for (size_t index = 0; index < PRODUCERS; index++)
        wires [index + 1] = &self->producers [index].wire;
    if (self->told_at && self->cursor > self->told && self->now - self->told_at > ACK_US)
        s_collect (self);
    if (self->told_at && self->now - self->told_at > BEAT_US) {
        soak_send_bare (&self->collector, &self->writer, STP_HEARTBEAT);
        self->told_at = self->now;
    }
    for (size_t index = 0; index <= PRODUCERS; index++) {
        if (zmtp_flush (wires [index]) != 0)
            soak_fail ("the broker is gone");
        short events = zmtp_waiting (wires [index]) ? POLLIN | POLLOUT : POLLIN;
        items [index] = (struct pollfd){wires [index]->file, events, 0};
    }
    poll (items, PRODUCERS + 1, 1);
    self->now = soak_now ();
    for (size_t index = 0; index <= PRODUCERS; index++) {
        if (items [index].revents & ~POLLOUT && zmtp_read (wires [index]) != 0)
            soak_fail ("the broker is gone");
    }
    s_hear_outcomes (self);
    for (size_t index = 0; index < PRODUCERS; index++)
        s_hear_answers (self, &self->producers [index]);
    if (self->now - self->heard_at > PATIENCE_US)
        soak_fail ("nothing was heard for half a minute");
}

//  Goes on until a time, pushing at a rate, or with rate 0 so that a window stays full.
//  Returns how many came back in a second, not counting a first part.

static double
s_phase (s_load_t *self, uint64_t window, double rate, int64_t seconds)
{
    int64_t began = self->now, end = began + seconds * 1000000;
    int64_t counted_at = began + (end - began) / 5;
    uint64_t done = 0, before = self->offered;
    bool counting = false;
    while (self->now < end) {
        for (size_t index = 0; index < PRODUCERS; index++) {
            uint64_t ended = self->done + self->refused;
            uint64_t due =
                window + ended > self->offered ? window + ended - self->offered : 0;
            if (rate > 0)
                due = before + (uint64_t) ((double) (self->now - began) * rate / 1e6)
                      - self->offered;
            if (self->producers [index].count == 0 && due > 0)
                s_push (self, &self->producers [index],
                        due < PUSH_MAX ? (uint32_t) due : PUSH_MAX);
        }
        s_turn (self);
        if (!counting && self->now >= counted_at) {
            counting = true;
            counted_at = self->now;
            done = self->done;
        }
    }
    return (double) (self->done - done) * 1e6 / (double) (self->now - counted_at);
}

//  Waits until all pushes are answered and all accepted tasks are back.

static void
s_drain (s_load_t *self)
{
    int64_t until = self->now + 4 * PATIENCE_US;
    for (;;) {
        bool waits = self->done < self->accepted;
        for (size_t index = 0; index < PRODUCERS; index++)
            waits |= self->producers [index].count > 0;
        if (!waits)
            return;
        if (self->now > until)
            soak_fail ("%" PRIu64 " of %" PRIu64 " accepted tasks have not come back",
                       self->accepted - self->done, self->accepted);
        s_turn (self);
    }
}

//  Each task was accepted and came back, or neither.

static void
s_check (const s_load_t *self)
{
    for (uint64_t task = 0; task < self->offered; task++) {
        if (self->tasks [task] == (TASK_PUSHED | TASK_ACCEPTED))
            soak_fail ("task %" PRIu64 " was accepted and is lost", task);
        if (self->tasks [task] == (TASK_PUSHED | TASK_DONE))
            soak_fail ("task %" PRIu64 " was refused and ran", task);
    }
}

static void
s_open (s_load_t *self)
{
    self->now = self->heard_at = soak_now ();
    zmtp_init (&self->collector);
    if (zmtp_connect (&self->collector, self->endpoint) != 0)
        soak_fail ("cannot connect to %s", self->endpoint);
    zmtp_greet (&self->collector);
    char name [32];
    snprintf (name, sizeof name, "soak-%d", (int) getpid ());
    for (size_t index = 0; index < PRODUCERS; index++) {
        s_producer_t *producer = &self->producers [index];
        zmtp_init (&producer->wire);
        if (zmtp_connect (&producer->wire, self->endpoint) != 0)
            soak_fail ("cannot connect to %s", self->endpoint);
        zmtp_greet (&producer->wire);
        producer->id = soak_mix ((uint64_t) self->now + index) | 1;
        producer->sequence = 1;
    }
    stint_wire_begin (&self->writer, STP_BATCH, 3);
    stint_wire_number (&self->writer, 'r', 1);
    stint_wire_text (&self->writer, 'g', self->group);
    stint_wire_text (&self->writer, 'n', name);
    soak_send (&self->collector, &self->writer);
    while (!self->batch)
        s_turn (self);
    s_collect (self);
}

//  What the rounds came to, added up.

typedef struct {
    double capacity;   //  Tasks a second that the workers can do
    double offered;    //  Tasks a second that were offered then
    double goodput;    //  Tasks a second that came back then
    uint64_t backlog;  //  Tasks that were left in the end, of the last round
    double drain_ms;   //  How long they took
} s_sums_t;

//  One round; times are kept of the second part only.

static void
s_round (s_load_t *self, char **argv, s_sums_t *sums)
{
    int64_t seconds = (int64_t) soak_number (argv [6]);
    size_t answers = self->answers.count, times = self->times.count;
    double capacity =
        s_phase (self, soak_number (argv [3]), 0, (int64_t) soak_number (argv [5]));
    s_drain (self);
    if (capacity <= 0)
        soak_fail ("nothing came back");
    self->answers.count = answers;
    self->times.count = times;
    uint64_t before = self->offered;
    sums->capacity += capacity;
    sums->goodput += s_phase (self, 0, capacity * (double) soak_number (argv [4]), seconds);
    sums->offered += (double) (self->offered - before) / (double) seconds;
    sums->backlog = self->accepted - self->done;
    int64_t stopped = self->now;
    s_drain (self);
    sums->drain_ms = (double) (self->now - stopped) / 1000;
}

int
main (int argc, char **argv)
{
    if (argc != 8)
        soak_fail ("usage: soak_load ENDPOINT GROUP WINDOW FACTOR SECONDS SECONDS ROUNDS");
    s_load_t self = {.endpoint = argv [1], .group = argv [2]};
    s_open (&self);
    uint64_t rounds = soak_number (argv [7]);
    s_sums_t sums = {0};
    for (uint64_t round = 0; round < rounds; round++)
        s_round (&self, argv, &sums);
    s_check (&self);
    for (s_collect (&self); zmtp_waiting (&self.collector) > 0;)
        s_turn (&self);
    double capacity = sums.capacity / (double) rounds;
    double goodput = sums.goodput / (double) rounds;
    printf ("capacity=%.0f goodput=%.0f percent=%.1f offered=%.0f refused=%" PRIu64
            " full=%" PRIu64 " answer_p99=%.1f p50=%.0f p99=%.0f max=%.0f backlog=%" PRIu64
            " drain=%.0f\n",
            capacity, goodput, goodput * 100 / capacity, sums.offered / (double) rounds,
            self.refused, self.full, soak_quantile (&self.answers, 0.99),
            soak_quantile (&self.times, 0.5), soak_quantile (&self.times, 0.99),
            soak_quantile (&self.times, 1), sums.backlog, sums.drain_ms);
    return 0;
}
