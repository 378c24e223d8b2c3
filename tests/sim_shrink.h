//  sim_shrink: makes the story of a broken promise short, and tells it
//  SPDX-License-Identifier: MPL-2.0

#ifndef SIM_SHRINK_H
#define SIM_SHRINK_H

#include "sim_run.h"

//  Lets a world live as sim_live does, and takes an assertion, a crash and an endless loop
//  of the code under test for broken promises too. Returns true when none was broken.
bool sim_guarded (sim_t *world, const sim_plan_t *plan);

//  A promise was broken in that world: leaves out what does not matter, and prints the
//  story that is left.
void sim_shrink (sim_t *world, const sim_plan_t *plan);

#endif
