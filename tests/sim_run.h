//  sim_run: the state of a simulated world, and what its parts do for each other
//  SPDX-License-Identifier: MPL-2.0

#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "sim_before.h"

//  Timers. Each has one place, so setting one again moves it.

enum {
    SIM_AT_UP = 0,                          //  A message arrives at the broker, a link
    SIM_AT_DOWN = SIM_AT_UP + SIM_LINKS,    //  and at a player
    SIM_AT_ACT = SIM_AT_DOWN + SIM_LINKS,   //  An actor does something
    SIM_AT_BEAT = SIM_AT_ACT + SIM_ACTORS,  //  A player's heartbeat
    SIM_AT_WORK = SIM_AT_BEAT + SIM_PEERS,  //  An attempt of a worker is done
    SIM_AT_TURN = SIM_AT_WORK + SIM_PEERS,  //  The broker wakes up
    SIM_AT_DISK,                            //  A commit ends
    SIM_AT_START,                           //  The broker starts
    SIM_TIMERS = 128
};

_Static_assert(SIM_AT_START < SIM_TIMERS, "there is a place for each timer");

struct sim {
    sim_plan_t plan;
    int64_t now;                    //  Microseconds
    int64_t at [SIM_TIMERS];        //  When each timer ends
    uint8_t tree [SIM_TIMERS * 2];  //  Which ends first: a tournament
    sim_link_t links [SIM_LINKS];
    sim_peer_t peers [SIM_PEERS];
    uint32_t peer_count;
    uint64_t connections;  //  Number of the last
    uint64_t names;        //  Number of the last producer or worker
    uint64_t nonces;       //  Of the last lie
    sim_truth_t truths [SIM_TRUTHS];
    uint32_t truth_count;
    struct {
        uint64_t id;
        uint32_t truth;
    } ids [SIM_TRUTHS * 4];  //  Which task has that number, by hash
    uint32_t id_count;       //  How many numbers that are
    uint64_t fence;          //  The last that any broker gave out
    uint64_t life;           //  Epoch of the last broker that ran
    struct {
        uint64_t id;
        uint64_t cursor;
        uint64_t request;
        uint32_t session;
        uint32_t turn;
    } acked [SIM_ACKED];         //  What of a batch was acknowledged, by its number
    sim_before_t before;         //  What there was before the message in hand
    bool adopting;               //  Some truth may have an adopter
    int64_t stalled_until;       //  The broker stands still
    int64_t wall_step;           //  Of the wall clock, milliseconds
    uint64_t chance;             //  Of what the broker and the disk meet
    uint32_t acts [SIM_ACTORS];  //  Acts so far
    uint8_t muted [SIM_ACTORS][SIM_ACTS / 8];  //  Those that are left out
    uint32_t spins;         //  Turns in a row without anything between them
    uint64_t world_events;  //  Of this world
    uint64_t events_max;    //  Stop there; 0: at the end
    uint64_t hash;          //  Of all that happened
    bool calm;              //  All is healed
    bool tracing;           //  Tell the story
    sim_counts_t counts;    //  Of all worlds
    jmp_buf out;            //  Where a broken promise goes
    jmp_buf fatal;          //  Where a broker goes that cannot go on
    const char *promise;    //  That was broken; null when none
    char fault [240];       //  How
    sim_disk_t disk;
    sim_broker_t broker;
};

//  The world: sim_world.c
void sim_draw (sim_plan_t *plan, uint64_t seed);
bool sim_live (sim_t *self, const sim_plan_t *plan);
void sim_set (sim_t *self, uint32_t timer, int64_t at);
void sim_seen (sim_t *self, sim_rare_t rare);
void sim_break (sim_t *self, const char *promise, const char *format, ...)
    __attribute__ ((noreturn, format (printf, 3, 4)));
uint64_t sim_around (uint64_t *chance, uint64_t mean);

//  Breaks the named promise unless the condition holds.

#define sim_check(self, condition, promise, ...)                                           \
    do {                                                                                   \
        if (!(condition))                                                                  \
            sim_break (self, promise, __VA_ARGS__);                                        \
    } while (0)

//  Tells a line of the story: sim_story.c
void sim_tell (const sim_t *self, const char *who, uint32_t number, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));

#define sim_story(self, ...)                                                               \
    do {                                                                                   \
        if ((self)->tracing)                                                               \
            sim_tell (self, __VA_ARGS__);                                                  \
    } while (0)

void sim_tell_message (const sim_t *self, uint32_t peer, const sim_message_t *message);
void sim_tell_said (const sim_t *self, const sim_said_t *said);

//  The network: sim_link.c
void sim_link_open (sim_t *self, uint32_t peer);
void sim_link_send (sim_t *self, uint32_t peer, const sim_message_t *message);
bool sim_link_say (sim_t *self, const sim_said_t *said);
void sim_link_arrive (sim_t *self, uint32_t link);
void sim_link_deliver (sim_t *self, uint32_t link);
void sim_link_crash (sim_t *self);
void sim_link_break (sim_t *self, uint32_t link);

//  Bytes: sim_wire.c
stint_wire_status_t sim_wire_decode (sim_t *self, const sim_message_t *message,
                                     stint_message_t *decoded);
size_t sim_body_size (const sim_t *self, const sim_body_t *body);
bool sim_body_read (const sim_t *self, stint_bytes_t bytes, sim_body_t *body);
extern const char *const sim_groups [SIM_GROUPS];

//  The broker's shell: sim_broker.c, and its beginning and end: sim_start.c
void sim_broker_turn (sim_t *self);
void sim_broker_commit_ended (sim_t *self);
void sim_broker_start (sim_t *self);
void sim_broker_die (sim_t *self, bool in_order);
int64_t sim_broker_now (const sim_t *self);
stint_bytes_t sim_broker_fetch (journal_place_t place, void *self);

#endif
