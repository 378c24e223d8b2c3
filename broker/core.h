//  core: the broker without sockets, disk and clock: messages in, records and replies out
//  SPDX-License-Identifier: MPL-2.0
//
//  Durable state changes only through records, and one function applies them: while the
//  broker runs, at a recovery, and on a standby. Time is an argument, in milliseconds of a
//  clock that never goes back, not even over restarts; chance comes from a seed.
//
//  A turn of the shell: core_receive for each message, core_run until it returns false,
//  take the replies, hand sealed blocks of core_journal to the engine. Replies that are
//  marked durable wait until the block that journal_gate named then is durable.

#ifndef BROKER_CORE_H
#define BROKER_CORE_H

#include "effects.h"
#include "record.h"

#define CORE_NEVER INT64_MAX
#define CORE_ID_AHEAD ((uint64_t) 1 << 20)  //  Numbers passed over for a life that crashed

typedef struct core core_t;

typedef struct {
    uint32_t tasks;              //  Most tasks held at once, ended ones included
    uint32_t groups;             //  Most groups
    uint32_t batches;            //  Most batches
    uint32_t producers;          //  Most producers that are remembered
    uint32_t schedules;          //  Most schedules
    uint32_t sessions;           //  Most peers connected at once
    uint32_t notes;              //  Most running attempts whose progress is known
    uint32_t heartbeat_ms;       //  Between two heartbeats
    uint32_t liveness;           //  Heartbeats that may be missed
    uint32_t heartbeats_max;     //  Most a second, each way; 0: no bound
    uint64_t waiting_max;        //  Bytes on their way to the disk beyond which a push is
                                 //  told FULL; beyond a quarter, no task is given out
    uint64_t store_max;          //  Bytes in the journal beyond which too; 0 for no limit
    uint64_t memory_max;         //  Bytes of blocks kept in memory
    record_settings_t defaults;  //  Of groups
} core_limits_t;

//  Creates a broker's core and reserves all its memory. The seed is for back-off jitter and
//  for hashing.
core_t *core_new (const core_limits_t *limits, uint64_t seed);

//  Destroys the core and sets the caller's pointer to null.
void core_destroy (core_t **self_p);

//  Changes the defaults of groups while it runs.
void core_set_defaults (core_t *self, const record_settings_t *defaults);

//  Makes a group, or changes those of its settings that are not zero. Nothing happens when
//  there are too many groups.
void core_set_group (core_t *self, const char *name, const record_settings_t *settings);

//  Returns the core's journal.
journal_t *core_journal (const core_t *self);

//  ---------------------------------------------------------------------------------
//  Recovery: core_replay for each block in order, then core_recovered, once.

//  Applies the records of one block. Returns null, or what is wrong with it, for people.
const char *core_replay (core_t *self, uint64_t number, stint_bytes_t block);

//  Ends the recovery and begins an epoch: attempts that were running are awaited, so are
//  the workers that were known, for as long as a lost worker is missed. Returns null, or
//  what is missing in the journal, for people.
const char *core_recovered (core_t *self, int64_t now, uint64_t epoch);

//  Returns the time of the last record that was replayed.
int64_t core_replayed_until (const core_t *self);

//  ---------------------------------------------------------------------------------
//  Running

//  Makes a session for a new peer. Returns its slot, or 0 when there are too many.
uint32_t core_open (core_t *self, int64_t now);

//  Takes one message of a session. Needs EFFECTS_EVENT of room.
void core_receive (core_t *self, int64_t now, uint32_t session, stint_message_t *message,
                   effects_t *out);

//  Notes that a message of a session was not understood. Answers it.
void core_refuse (core_t *self, int64_t now, uint32_t session, stint_wire_status_t status,
                  const stint_message_t *message, effects_t *out);

//  Notes that a peer cannot be reached any more. The session ends; nothing is sent.
void core_leave (core_t *self, uint32_t session);

//  Notes that a peer is not connected any more. It is given nothing more; what it holds it
//  keeps until its lease ends, because a worker may come back on another socket and claim
//  it. A session that holds nothing ends.
void core_cut_off (core_t *self, uint32_t session);

//  Returns true when a session has ended, and only its BYE is on its way.
bool core_has_left (const core_t *self, uint32_t session);

//  Does what is left to do: gives out tasks, delivers outcomes, ends sessions and leases,
//  sends heartbeats, forgets what is old; as much as there is room for replies. Returns
//  true when there is more.
bool core_run (core_t *self, int64_t now, effects_t *out);

//  Says whether everything that peers have said so far was taken. While it was not, nobody
//  is missed, for at most a lease: the word that keeps a lease may be what was not taken.
//  A core that is told nothing has taken everything.
void core_listened (core_t *self, int64_t now, bool all);

//  Gives all peers the time that the broker itself was stalled.
void core_forgive (core_t *self, int64_t stall_ms);

//  Returns the earliest time at which core_run has work again, or CORE_NEVER.
int64_t core_deadline (const core_t *self);

//  Takes no more pushes and gives out no more tasks; results are still recorded.
void core_drain (core_t *self);

//  Tells all peers that the broker stops, and records that it stopped in good order.
void core_stop (core_t *self, int64_t now, effects_t *out);

//  Seals the open block.
void core_seal (core_t *self, int64_t now);

//  Copies what is live in a block forward. The block's bytes stay valid during the call;
//  fetch brings bytes that are not in memory, valid until its next call.
typedef stint_bytes_t (core_fetch_fn) (journal_place_t place, void *argument);
void core_move (core_t *self, int64_t now, uint64_t number, stint_bytes_t block,
                core_fetch_fn *fetch, void *argument);

//  Returns the name of the group in a slot. Valid until the group is removed.
const char *core_group_name (const core_t *self, uint32_t group);

//  Returns a hash of the durable state, for tests and for comparing nodes.
uint64_t core_digest (const core_t *self);

//  Counts since the start, for logs and tests.
typedef struct {
    uint64_t tasks;      //  Held now
    uint64_t sessions;   //  Connected now
    uint64_t workers;    //  Of these, workers
    uint64_t running;    //  Tasks that somebody holds now
    uint64_t orphans;    //  Of these, tasks whose worker is awaited
    uint64_t awaited;    //  Workers that are awaited
    uint64_t adopted;    //  Attempts that went on over a restart of the broker
    uint64_t stale;      //  Results that were refused
    uint64_t lost;       //  Attempts lost with their worker
    uint64_t malformed;  //  Messages that were not understood
} core_totals_t;

core_totals_t core_totals (const core_t *self);

#endif
