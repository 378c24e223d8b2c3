//  pool: as many worker processes as the backlog asks for, between a least and a most
//  SPDX-License-Identifier: MPL-2.0
//
//  The first half decides and is pure. A pool grows when tasks are waiting and every
//  member is busy: to at most twice its size within a second, and never beyond what the
//  tasks there are can keep busy. It shrinks only by members that have been idle for long,
//  told one by one to finish, and never while it would grow again at once.
//
//  The second half starts the members, hears from them over a pipe whether they are idle
//  ("idle\n", "busy\n"), starts others for those that ended unasked, and tells them to
//  stop with SIGTERM.

#ifndef WORKER_POOL_H
#define WORKER_POOL_H

#include "stint.h"
#include <stdio.h>

#define POOL_NEVER INT64_MAX
#define POOL_MAX 1024     //  Most members
#define POOL_REPORT_FD 3  //  Where a member finds its pipe

typedef struct {
    uint32_t least;   //  Members to keep, tasks or not
    uint32_t most;    //  Members, those that are about to leave included
    uint32_t slots;   //  Tasks that a member runs at a time
    int64_t idle_ms;  //  A member that was idle for so long may go
} pool_limits_t;

//  How the pool stands.

typedef struct {
    uint32_t members;         //  Alive and not told to stop
    uint32_t leaving;         //  Told to stop, but alive
    uint32_t idle;            //  Members that have no task
    int64_t idle_longest_ms;  //  How long the one has been idle that has been longest
    uint64_t backlog;         //  Tasks that wait or run
} pool_view_t;

//  What must be remembered to grow at a bounded pace. Zero at first.

typedef struct {
    bool begun;        //  There is a current second
    int64_t since;     //  When it began
    uint32_t members;  //  How many there were then
} pool_pace_t;

//  Returns how many members to start now. Changes the pace only.
uint32_t pool_want (const pool_limits_t *limits, const pool_view_t *view, pool_pace_t *pace,
                    int64_t now);

//  Returns true when the member that has been idle longest is to leave now.
bool pool_spare (const pool_limits_t *limits, const pool_view_t *view);

//  ---------------------------------------------------------------------------------

typedef struct pool pool_t;

//  What a pool runs. All of it is borrowed for the pool's life.

typedef struct {
    pool_limits_t limits;  //  How many members
    const char *path;      //  The program of a member
    char *const *argv;     //  Its arguments, null at the end
    size_t name;           //  Which of them gets "/1", "/2" ... behind it; 0 for none
    FILE *report;          //  Where lines for people go; null for nowhere
} pool_settings_t;

//  Creates a pool without members. Aborts when memory runs out.
pool_t *pool_new (const pool_settings_t *settings);

//  Kills the members that are left, waits for their end, and sets the caller's pointer to
//  null. To leave in peace, stop the pool and wait until it has finished.
void pool_destroy (pool_t **self_p);

//  Takes in what members said and which have ended, then starts or stops some. Wants to be
//  called when pool_fd is readable, when the backlog has changed, and at pool_deadline.
void pool_turn (pool_t *self, uint64_t backlog, int64_t now);

//  Returns the descriptor that is readable when a member said something or ended.
int pool_fd (const pool_t *self);

//  Returns when pool_turn wants to be called at the latest, or POOL_NEVER.
int64_t pool_deadline (const pool_t *self);

//  Starts no more members and sends SIGTERM to all of them. Each call sends another.
void pool_stop (pool_t *self);

//  Returns how many members are alive, those that are leaving included.
uint32_t pool_members (const pool_t *self);

//  Returns true when the pool was stopped and no member is left.
bool pool_finished (const pool_t *self);

#endif
