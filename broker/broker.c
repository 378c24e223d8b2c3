//  broker: the turn: sockets, core, journal and store brought together
//  SPDX-License-Identifier: MPL-2.0

#include "broker.h"

#include "clock.h"
#include "fetch.h"
#include "gather.h"
#include "host.h"
#include "listen.h"
#include "outbox.h"
#include "peers.h"
#include "stint_log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <zmq.h>

#define MESSAGES_MAX 256                   //  Taken from the socket in one turn,
#define ITEMS_MAX 512                      //  and elements of their lists, about
#define RUNS_MAX 32                        //  Times that the core goes on in one turn
#define MOVES_MAX 4                        //  Blocks copied forward in one turn
#define OUTBOX_MAX ((uint64_t) 256 << 20)  //  Bytes that wait to be sent

struct broker {
    broker_options_t options;  //  As given
    void *context;             //  Of libzmq
    void *router;              //  Everybody's socket
    listen_bound_t *bound;     //  What it is bound to, for each endpoint
    core_t *core;              //  Decides
    journal_t *journal;        //  The core's
    store_t *store;            //  Makes blocks durable
    peers_t *peers;            //  Socket peers and sessions
    outbox_t *outbox;          //  What is to be sent
    broker_clock_t clock;      //  Time
    gather_t gather;           //  Whether a commit waits for what is about to come
    int timer_fd;              //  Expires when it is to wait no longer; -1 without a disk
    int64_t timer_at;          //  When that is; 0 for never
    host_t host;               //  Open files and memory
    int64_t now;               //  Of this turn
    int64_t waits_at;          //  When the last turn ended
    int64_t wake_at;           //  When this turn should have begun at the latest
    int64_t stop_at;           //  Draining until then; CORE_NEVER when not
    bool stopping;             //  Leaves the loop
    effects_t effects;         //  Of this turn
    peers_message_t message;   //  The one in hand
    stint_message_t decoded;   //  The same, understood
};

//  ---------------------------------------------------------------------------------
//  Recovery

typedef struct {
    broker_t *broker;   //  Who recovers
    const char *fault;  //  What is wrong with a block
    uint64_t block;     //  Which one
    bool torn;          //  It is the last one, and not whole
} s_recovery_t;

static bool
s_on_block (uint64_t number, stint_bytes_t block, void *argument)
{
    s_recovery_t *self = argument;
    if (self->fault) {
        self->torn = false;
        return false;
    }
    self->fault = core_replay (self->broker->core, number, block);
    self->block = number;
    journal_header_t header;
    self->torn = self->fault && journal_check (block, &header);
    return true;
}

static int
s_broken (const broker_t *self, char *error, size_t error_size, uint64_t block,
          const char *fault)
{
    snprintf (
        error, error_size,
        "store %s, block %llu: %s; nothing was changed; restore the store from a copy",
        self->options.store.directory, (unsigned long long) block, fault);
    return 78;
}

//  Replays the journal. A last block that is not whole was never acknowledged and is cut,
//  where the engine leaves such blocks behind; anything else is a refusal.

static int
s_recover (broker_t *self, char *error, size_t error_size)
{
    const store_engine_t *engine = self->options.engine;
    s_recovery_t recovery = {.broker = self};
    if (engine->replay (self->store, s_on_block, &recovery, error, error_size) < 0)
        return 74;
    if (recovery.fault && (!recovery.torn || engine->whole))
        return s_broken (self, error, error_size, recovery.block, recovery.fault);
    if (recovery.fault) {
        engine->cut (self->store, recovery.block - 1);
        stint_log (STINT_LOG_WARNING, "store.tail_cut",
                   stint_field_number ("block", recovery.block),
                   stint_field_text ("fault", recovery.fault));
    }
    broker_clock_set (&self->clock, core_replayed_until (self->core) + 1);
    self->now = broker_clock_now (&self->clock);
    const char *fault = core_recovered (self->core, self->now, engine->epoch (self->store));
    return fault ? s_broken (self, error, error_size, recovery.block, fault) : 0;
}

//  ---------------------------------------------------------------------------------
//  Start and end

//  Libzmq's default of 1023 sockets counts our own and not the peers'; their connections
//  are bounded by the limit of open files only (host.h).

static int
s_listen (broker_t *self, char *error, size_t error_size)
{
    host_reserve ();
    self->context = zmq_ctx_new ();
    self->router = self->context ? listen_socket (self->context) : NULL;
    if (!self->router) {
        snprintf (error, error_size, "cannot make a socket: %s", zmq_strerror (errno));
        return 69;
    }
    size_t count = self->options.endpoint_count;
    self->bound = calloc (count, sizeof *self->bound);
    assert (self->bound);
    for (size_t index = 0; index < count; index++) {
        int code =
            listen_bind (self->router, self->options.endpoints [index],
                         self->options.insecure, &self->bound [index], error, error_size);
        if (code)
            return code;
    }
    return 0;
}

//  Makes the groups that the configuration names, or changes their settings.

static void
s_make_groups (broker_t *self)
{
    for (size_t index = 0; index < self->options.group_count; index++) {
        const broker_group_t *group = &self->options.groups [index];
        core_set_group (self->core, group->name, &group->settings);
    }
}

static int
s_start (broker_t *self, char *error, size_t error_size)
{
    const broker_options_t *options = &self->options;
    self->store = options->engine->open (&options->store, error, error_size);
    if (!self->store)
        return errno == EIO || errno == ENOSPC || errno == EDQUOT ? 74 : 78;
    int code = s_recover (self, error, error_size);
    if (!code)
        code = s_listen (self, error, error_size);
    if (code)
        return code;

    if (!options->engine->keeps) {
        self->timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        assert (self->timer_fd >= 0);
    }
    self->peers = peers_new (options->limits.sessions);
    self->outbox = outbox_new (&(outbox_options_t){
        self->core, self->peers, self->router, options->engine, self->store,
        options->limits.sessions, options->limits.liveness});
    s_make_groups (self);
    return 0;
}

broker_t *
broker_new (const broker_options_t *options, char *error, size_t error_size, int *code)
{
    broker_t *self = calloc (1, sizeof *self);
    assert (self);
    self->options = *options;
    self->stop_at = self->wake_at = CORE_NEVER;
    self->timer_fd = -1;
    self->core = core_new (&options->limits, options->seed);
    self->journal = core_journal (self->core);
    if (options->engine->keeps)
        journal_forgo_sums (self->journal);
    *code = s_start (self, error, error_size);
    if (*code)
        broker_destroy (&self);
    return self;
}

void
broker_destroy (broker_t **self_p)
{
    broker_t *self = *self_p;
    if (!self)
        return;
    if (self->store)
        self->options.engine->close (&self->store);
    outbox_destroy (&self->outbox);
    for (size_t index = 0; self->bound && index < self->options.endpoint_count; index++)
        listen_remove_file (&self->bound [index]);
    if (self->timer_fd >= 0)
        close (self->timer_fd);
    if (self->router)
        zmq_close (self->router);
    if (self->context)
        zmq_ctx_term (self->context);
    peers_destroy (&self->peers);
    core_destroy (&self->core);
    free (self->bound);
    free (self);
    *self_p = NULL;
}

void *
broker_socket (const broker_t *self)
{
    return self->router;
}

const char *
broker_endpoint (const broker_t *self, size_t index)
{
    return self->bound [index].endpoint;
}

core_totals_t
broker_totals (const broker_t *self)
{
    return core_totals (self->core);
}

void
broker_set_defaults (broker_t *self, const record_settings_t *defaults)
{
    core_set_defaults (self->core, defaults);
}

//  ---------------------------------------------------------------------------------
//  The turn

//  Returns the session of the peer that sent the message in hand, a new one if need be; 0
//  when the peer is not let in.

static uint32_t
s_session (broker_t *self)
{
    uint64_t peer = self->message.peer;
    uint32_t session = peers_session (self->peers, peer);
    if (session && core_has_left (self->core, session)) {
        //  Its BYE goes first: what came behind the message that it answers begins anew
        outbox_take (self->outbox, &self->effects);
        session = peers_session (self->peers, peer);
    }
    if (session)
        return session;
    if (!peers_allowed (&self->message)) {
        stint_log (STINT_LOG_WARNING, "peer.refused",
                   stint_field_text ("why", "another user, or a routing id of its own"));
        return 0;
    }
    session = core_open (self->core, self->now);
    if (session)
        peers_put (self->peers, peer, session);
    else
        stint_log (STINT_LOG_WARNING, "peer.refused",
                   stint_field_text ("why", "limits/sessions is reached"));
    return session;
}

//  Hands one message to the core. Returns how many tasks or results were in it.

static uint32_t
s_take (broker_t *self)
{
    stint_wire_status_t status =
        stint_wire_decode (&self->decoded, self->message.bytes, self->message.count);
    if (self->message.oversized && status != STINT_WIRE_FOREIGN)
        status = STINT_WIRE_MALFORMED;
    if (status == STINT_WIRE_FOREIGN) {
        stint_log (STINT_LOG_WARNING, "peer.foreign",
                   stint_field_number ("frames", self->message.count));
        return 0;
    }
    uint32_t session = s_session (self);
    if (!session)
        return 0;
    uint32_t items = status == STINT_WIRE_OK ? self->decoded.list_count : 0;
    if (effects_due (&self->effects))
        outbox_take (self->outbox, &self->effects);
    if (status == STINT_WIRE_OK)
        core_receive (self->core, self->now, session, &self->decoded, &self->effects);
    else {
        stint_log (STINT_LOG_WARNING, "peer.malformed",
                   stint_field_text ("command", stint_wire_name (self->decoded.command)));
        core_refuse (self->core, self->now, session, status, &self->decoded,
                     &self->effects);
    }
    return items;
}

//  Takes what has come, but not much of it at a time: its answers leave at the end of the
//  turn, and until then those who wait for them have nothing to do.

static void
s_receive (broker_t *self)
{
    bool all = false;
    uint32_t items = 0;
    for (int taken = 0; taken < MESSAGES_MAX && items < ITEMS_MAX; taken++) {
        all = !peers_receive (self->router, &self->message);
        if (all)
            break;
        items += s_take (self);
        peers_done (&self->message);
    }
    core_listened (self->core, self->now, all);
    outbox_take (self->outbox, &self->effects);
}

static void
s_run_core (broker_t *self)
{
    bool more = true;
    for (int runs = 0; more && runs < RUNS_MAX; runs++) {
        more = core_run (self->core, self->now, &self->effects);
        outbox_take (self->outbox, &self->effects);
    }
}

static stint_bytes_t
s_fetch (journal_place_t place, void *argument)
{
    broker_t *self = argument;
    return store_fetch (self->options.engine, self->store, self->journal, place);
}

//  Lets old blocks go, and copies forward what is live in the oldest one when the journal
//  has grown to more than twice of what is live.

static void
s_make_room (broker_t *self)
{
    uint64_t oldest;
    for (int moves = 0; moves < MOVES_MAX; moves++) {
        oldest = journal_oldest (self->journal);
        if (!oldest)
            break;
        if (journal_empty (self->journal, oldest)) {
            journal_moved (self->journal, oldest);
            moves--;
            continue;
        }
        journal_place_t all = {oldest, 0, (uint32_t) journal_size (self->journal, oldest)};
        stint_bytes_t block = s_fetch (all, self);
        journal_memory_t *memory = journal_keep (self->journal, all);
        core_move (self->core, self->now, oldest, block, s_fetch, self);
        journal_release (memory);
    }
}

//  Sets the timer to that time of the monotonic clock, in microseconds; 0 stops it.

static void
s_set_timer (broker_t *self, int64_t at_us)
{
    if (at_us == self->timer_at)
        return;
    struct itimerspec when = {
        .it_value = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000}};
    int rc = timerfd_settime (self->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    assert (rc == 0);
    self->timer_at = at_us;
}

//  Seals the open block when it is time. While the engine is busy it grows, so that load
//  makes the disk cheaper; and it stays open for what is about to come.

static void
s_seal_when_due (broker_t *self)
{
    uint64_t open = journal_open (self->journal);
    bool something = journal_gate (self->journal) == open;
    bool awaited = outbox_awaited (self->outbox) == open;
    bool busy = self->options.engine->busy (self->store);
    bool leaves =
        gather_leaves (&self->gather, broker_clock_us (), something, awaited, busy);
    if (leaves)
        core_seal (self->core, self->now);
    s_set_timer (self, leaves ? 0 : gather_until (&self->gather, something, busy));
}

//  Hands blocks to the engine.

static void
s_commit (broker_t *self)
{
    const store_engine_t *engine = self->options.engine;
    if (!engine->keeps)
        s_seal_when_due (self);
    uint64_t number;
    stint_bytes_t block;
    while (journal_take (self->journal, &number, &block))
        engine->append (self->store, number, block);

    uint64_t durable = engine->durable (self->store);
    journal_durable (self->journal, durable);
    outbox_release (self->outbox, engine->keeps ? UINT64_MAX : durable);
    uint64_t trim = journal_trim (self->journal);
    if (trim)
        engine->trim (self->store, trim);
}

//  A turn that took long, or began much later than it should have, is a stall of our own:
//  peers that could not be heard in that time are not to blame.

static void
s_read_clock (broker_t *self)
{
    int64_t now = broker_clock_now (&self->clock);
    int64_t stall = broker_clock_stalled (self->now, self->waits_at, self->wake_at, now);
    self->now = now;
    if (stall > 0) {
        stint_log (STINT_LOG_WARNING, "broker.stalled",
                   stint_field_duration ("for", stall));
        core_forgive (self->core, stall);
    }
}

static void
s_turn (broker_t *self)
{
    s_read_clock (self);
    if (outbox_waiting (self->outbox) < OUTBOX_MAX)
        s_receive (self);
    else
        core_listened (self->core, self->now, false);
    s_run_core (self);
    s_make_room (self);
    s_commit (self);
    host_look (&self->host, self->now);
}

//  Waits for work: a message, a command, a finished commit, a deadline, or the next look at
//  the host, which may be what keeps everybody from coming.

static void
s_wait (broker_t *self, zmq_pollitem_t *items, int count)
{
    int64_t deadline = core_deadline (self->core);
    if (self->stop_at < deadline)
        deadline = self->stop_at;
    if (self->host.look_at < deadline)
        deadline = self->host.look_at;
    int64_t now = broker_clock_now (&self->clock);
    int64_t wait = deadline > now ? deadline - now : 0;
    self->waits_at = now;
    self->wake_at = now + wait;
    items [0].events = outbox_waiting (self->outbox) < OUTBOX_MAX ? ZMQ_POLLIN : 0;
    zmq_poll (items, count, (long) wait);
}

static void
s_obey (broker_t *self, broker_command_t command)
{
    switch (command) {
        case BROKER_DRAIN:
            if (self->stop_at == CORE_NEVER) {
                stint_log (STINT_LOG_INFO, "broker.draining",
                           stint_field_number ("running", broker_totals (self).running),
                           stint_field_duration ("at_most", self->options.drain_ms));
                core_drain (self->core);
                self->stop_at = broker_clock_now (&self->clock) + self->options.drain_ms;
            }
            break;
        case BROKER_STOP:
            self->stopping = true;
            break;
        case BROKER_GO_ON:
        case BROKER_RELOAD:
        default:
            break;
    }
}

//  Records the end, and waits until all of it is durable.

static void
s_close (broker_t *self)
{
    const store_engine_t *engine = self->options.engine;
    self->now = broker_clock_now (&self->clock);
    core_stop (self->core, self->now, &self->effects);
    outbox_take (self->outbox, &self->effects);
    core_seal (self->core, self->now);
    uint64_t last = journal_gate (self->journal);
    s_commit (self);
    while (engine->durable (self->store) < last && !engine->failed (self->store)) {
        zmq_pollitem_t item = {NULL, engine->notify_fd (self->store), ZMQ_POLLIN, 0};
        zmq_poll (&item, 1, 1000);
        engine->acknowledge (self->store);
        s_commit (self);
    }
}

int
broker_run (broker_t *self, int control_fd, broker_control_fn *control, void *argument)
{
    const store_engine_t *engine = self->options.engine;
    zmq_pollitem_t items [] = {
        {self->router, 0, ZMQ_POLLIN, 0},
        {NULL, control_fd, ZMQ_POLLIN, 0},
        {NULL, engine->notify_fd (self->store), ZMQ_POLLIN, 0},
        {NULL, self->timer_fd, ZMQ_POLLIN, 0},
    };
    int count = items [2].fd < 0 ? 2 : 4;
    while (!self->stopping && !engine->failed (self->store)) {
        s_wait (self, items, count);
        if (items [1].revents)
            s_obey (self, control (self, argument));
        if (count == 4 && items [2].revents)
            engine->acknowledge (self->store);
        s_turn (self);
        if (self->stop_at != CORE_NEVER
            && (self->now >= self->stop_at || broker_totals (self).running == 0))
            self->stopping = true;
    }
    if (!engine->failed (self->store))
        s_close (self);
    const char *failed = engine->failed (self->store);
    if (!failed)
        return 0;
    stint_log (STINT_LOG_ERROR, "store.failed", stint_field_text ("why", failed),
               stint_field_text ("now", "stopping, so that nothing accepted is lost"));
    return 74;
}
