//  sim_schedule: schedules in a simulated world, and that each run is one task, in time
//  SPDX-License-Identifier: MPL-2.0

#ifndef SIM_SCHEDULE_H
#define SIM_SCHEDULE_H

#include "sim_run.h"

//  Draws what a client does to one of the schedules; all are removed when the world is
//  calm.
sim_message_t sim_schedule_draw (const sim_t *self, uint64_t *chance);

//  Writes that as a message.
void sim_schedule_write (const sim_message_t *message, stint_writer_t *out);

//  Around a run of the core, which has nothing left to do when it is done; and when a
//  broker has recovered.
void sim_schedule_before (sim_t *self);
void sim_schedule_after (sim_t *self, bool done);
void sim_schedule_recovered (sim_t *self);

#endif
