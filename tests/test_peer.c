//  test_peer: heartbeats fall due, peers are gone, and new connections wait
//  SPDX-License-Identifier: MPL-2.0

#include "stint_peer.h"

#include <criterion/criterion.h>

Test (peer, a_new_peer_was_heard_just_now_and_owes_nothing)
{
    stint_peer_t peer;
    stint_peer_start (&peer, 5000, 1000, 3);
    cr_assert_eq (stint_peer_beat_at (&peer), 6000);
    cr_assert_eq (stint_peer_gone_at (&peer), 8000);
}

Test (peer, what_is_sent_puts_off_the_beat_and_what_is_heard_the_end)
{
    stint_peer_t peer;
    stint_peer_start (&peer, 0, 100, 5);
    stint_peer_sent (&peer, 70);
    cr_assert_eq (stint_peer_beat_at (&peer), 170);
    cr_assert_eq (stint_peer_gone_at (&peer), 500);
    stint_peer_heard (&peer, 90);
    cr_assert_eq (stint_peer_beat_at (&peer), 170);
    cr_assert_eq (stint_peer_gone_at (&peer), 590);
}

Test (peer, a_stall_of_our_own_is_not_held_against_it)
{
    stint_peer_t peer;
    stint_peer_start (&peer, 0, 1000, 3);
    stint_peer_forgive (&peer, 60000);
    cr_assert_eq (stint_peer_gone_at (&peer), 63000);
}

Test (peer, the_longest_rhythm_does_not_overflow)
{
    stint_peer_t peer;
    stint_peer_start (&peer, 1, UINT32_MAX, UINT32_MAX);
    cr_assert_gt (stint_peer_gone_at (&peer), 0);
    cr_assert_gt (stint_peer_beat_at (&peer), 0);
}

Test (peer, the_wait_doubles_up_to_a_limit)
{
    //  The chance that gives the exact middle is a fifth of the wait
    static const int64_t waits [] = {200, 400, 800, 1600, 3200, 6400, 8000, 8000};
    for (uint32_t failed = 0; failed < 8; failed++) {
        uint64_t fifth = (uint64_t) waits [failed] / 5;
        cr_assert_eq (stint_peer_backoff (failed, fifth), waits [failed]);
    }
    cr_assert_eq (stint_peer_backoff (UINT32_MAX, 1600), 8000);
}

Test (peer, the_wait_is_at_most_a_fifth_longer_or_shorter)
{
    for (uint32_t failed = 0; failed < 40; failed++) {
        int64_t least = INT64_MAX;
        int64_t most = 0;
        for (uint64_t chance = 0; chance < 5000; chance++) {
            int64_t wait = stint_peer_backoff (failed, chance);
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        cr_assert_eq (least * 3, most * 2);  //  80 % and 120 %
    }
    cr_assert_gt (stint_peer_backoff (3, UINT64_MAX), 0);
}
