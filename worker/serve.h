//  serve: the tasks of a worker meet the slots of an exec
//  SPDX-License-Identifier: MPL-2.0
//
//  It takes attempts from the broker, runs a program for each, and ends them as the
//  programs end. It asks for as many tasks as there are slots; when programs are quick, for
//  up to twice as many, so that no slot waits for the network. When it turns out that the
//  spare ones would wait long, it hands them back.
//
//  A program that cannot be run is nobody's fault but this machine's: its task goes back,
//  no new ones are taken for a while (1 s, doubling up to 60 s), and then one is tried.

#ifndef WORKER_SERVE_H
#define WORKER_SERVE_H

#include "exec.h"
#include "stint_worker.h"

#define SERVE_NEVER INT64_MAX

typedef struct serve serve_t;

//  Creates a server that connects the two, which it borrows for its life. The worker has
//  its groups; the exec has that many slots. The endpoint, for people, is borrowed too.
//  When report is not -1, it is a pipe into which "idle\n" goes when all slots have been
//  empty for a moment, and "busy\n" when one is filled again; its reader then says when the
//  broker cannot be reached, instead of us.
serve_t *serve_new (stint_worker_t *worker, exec_t *exec, uint32_t slots,
                    const char *endpoint, int report);

//  Hands back what was not ended, and sets the caller's pointer to null. The programs must
//  have ended, or be ended next.
void serve_destroy (serve_t **self_p);

//  Does all that can be done without waiting. Wants to be called when stint_worker_fd or
//  exec_fd is readable, and at serve_deadline.
void serve_turn (serve_t *self, int64_t now);

//  Returns when serve_turn wants to be called at the latest, or SERVE_NEVER.
int64_t serve_deadline (const serve_t *self);

//  Takes no new tasks, hands back those that wait, and lets those that run come to their
//  end.
void serve_drain (serve_t *self);

//  Drains, ends the programs that run, and hands their tasks back.
void serve_leave (serve_t *self, int64_t now);

//  Returns how many programs run.
uint32_t serve_running (const serve_t *self);

//  Returns true when it was told to drain or leave, by us or the broker, and nothing runs.
bool serve_finished (const serve_t *self);

//  Returns how many tasks to hold with that many slots, when programs run for mean_ms in
//  the mean; negative when that is not known. Pure.
uint32_t serve_capacity (uint32_t slots, double mean_ms);

#endif
