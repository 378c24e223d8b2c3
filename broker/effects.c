//  effects: which replies have to wait for the disk
//  SPDX-License-Identifier: MPL-2.0

#include "effects.h"

bool
effects_waits (const reply_t *reply, const journal_t *journal, uint64_t gate)
{
    if (!reply->durable || reply->command != STP_OUTCOME)
        return reply->durable;
    //  What made a place empty is not known: something that was written so far
    uint64_t block = reply->place.block ? reply->place.block : journal_gate (journal);
    return !journal_is_durable (journal, block) || !journal_is_durable (journal, gate);
}
