//  test_outbox: in which order messages leave that wait for different blocks
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"
#include "outbox.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define PATIENCE_MS 10000

static core_t *s_core;
static journal_t *s_journal;
static peers_t *s_peers;
static outbox_t *s_outbox;
static effects_t *s_effects;
static void *s_context, *s_router, *s_dealers [3];  //  By session, from 1

//  Connects a peer whose session is this one.

static void
s_connect (uint32_t session)
{
    peers_message_t *message = calloc (1, sizeof *message);
    int none = 0, patience = PATIENCE_MS;
    void *dealer = zmq_socket (s_context, ZMQ_DEALER);
    zmq_setsockopt (dealer, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt (dealer, ZMQ_RCVTIMEO, &patience, sizeof patience);
    cr_assert_eq (zmq_connect (dealer, "inproc://outbox"), 0);
    cr_assert_eq (zmq_send (dealer, "here", 4, 0), 4);
    zmq_pollitem_t item = {s_router, 0, ZMQ_POLLIN, 0};
    cr_assert_eq (zmq_poll (&item, 1, PATIENCE_MS), 1);
    cr_assert (peers_receive (s_router, message));
    peers_put (s_peers, message->peer, session);
    peers_done (message);
    free (message);
    s_dealers [session] = dealer;
}

static void
s_begin (void)
{
    core_limits_t limits = rig_limits ();
    s_core = core_new (&limits, 1);
    s_journal = core_journal (s_core);
    s_peers = peers_new (limits.sessions);
    s_effects = calloc (1, sizeof *s_effects);
    s_context = zmq_ctx_new ();
    s_router = zmq_socket (s_context, ZMQ_ROUTER);
    cr_assert_eq (zmq_bind (s_router, "inproc://outbox"), 0);
    s_outbox = outbox_new (&(outbox_options_t){.core = s_core,
                                               .peers = s_peers,
                                               .router = s_router,
                                               .sessions = limits.sessions,
                                               .liveness = 3});
    s_connect (1);
    s_connect (2);
}

static void
s_end (void)
{
    outbox_destroy (&s_outbox);
    for (uint32_t session = 1; session <= 2; session++)
        zmq_close (s_dealers [session]);
    zmq_close (s_router);
    zmq_ctx_term (s_context);
    peers_destroy (&s_peers);
    core_destroy (&s_core);
    free (s_effects);
}

TestSuite (outbox, .init = s_begin, .fini = s_end);

//  Writes something into the open block, and returns its place.

static journal_place_t
s_write (void)
{
    stint_writer_t *out = journal_begin (s_journal, 16);
    journal_place_t place = {journal_open (s_journal), (uint32_t) out->size, 0};
    stint_write_number (out, 7);
    journal_end (s_journal);
    return place;
}

//  Seals the open block; makes what is sealed durable, and lets go what waits for it.

static void
s_seal (void)
{
    uint64_t number;
    stint_bytes_t block;
    journal_seal (s_journal, 1, 1);
    while (journal_take (s_journal, &number, &block))
        ;
}

static void
s_release (uint64_t durable)
{
    journal_durable (s_journal, durable);
    outbox_release (s_outbox, durable);
}

static void
s_say_outcome (uint32_t session, uint64_t id, journal_place_t place)
{
    reply_t *reply = effects_add (s_effects, STP_OUTCOME, session);
    reply->durable = true;
    reply->batch = 1;
    reply->cursor = reply->id = id;
    reply->state = STINT_DONE;
    reply->place = place;
    outbox_take (s_outbox, s_effects);
}

static void
s_say_accepted (uint32_t session)
{
    effects_add (s_effects, STP_ACCEPTED, session)->durable = true;
    outbox_take (s_outbox, s_effects);
}

//  The next message for a session is of this command, and its only element is this one.

static void
s_hears (uint32_t session, stp_command_t command, uint64_t id)
{
    uint8_t bytes [256];
    stint_message_t message;
    stint_item_t item = {0};
    int size = zmq_recv (s_dealers [session], bytes, sizeof bytes, 0);
    cr_assert (size > 0 && (size_t) size <= sizeof bytes);
    stint_bytes_t frame = {bytes, (size_t) size};
    cr_assert_eq (stint_wire_decode (&message, &frame, 1), STINT_WIRE_OK);
    cr_assert_eq (message.command, command, "%s", stint_wire_name (message.command));
    if (command == STP_OUTCOME) {
        cr_assert_eq (message.list_count, 1);
        cr_assert (stint_wire_next (&message, &item));
    }
    cr_assert_eq (item.id, id);
}

//  ---------------------------------------------------------------------------------

Test (outbox, an_outcome_whose_block_is_durable_leaves_though_others_wait)
{
    journal_place_t place = s_write ();
    s_seal ();
    s_release (1);
    s_write ();
    s_say_accepted (2);
    s_say_accepted (1);
    s_say_outcome (1, 7, place);
    s_release (1);
    s_hears (1, STP_OUTCOME, 7);
    s_seal ();
    s_release (2);
    s_hears (1, STP_ACCEPTED, 0);
    s_hears (2, STP_ACCEPTED, 0);
}

Test (outbox, an_answer_that_may_wait_for_outcomes_makes_no_hurry)
{
    s_write ();
    reply_t *reply = effects_add (s_effects, STP_ACCEPTED, 1);
    reply->durable = reply->patient = true;
    outbox_take (s_outbox, s_effects);
    cr_assert_eq (outbox_awaited (s_outbox), 0);
    s_say_accepted (2);
    cr_assert_eq (outbox_awaited (s_outbox), 1);
    s_seal ();
    journal_place_t place = s_write ();
    s_say_outcome (1, 7, place);
    cr_assert_eq (outbox_awaited (s_outbox), 2);
    s_seal ();
    s_release (2);
    s_hears (1, STP_ACCEPTED, 0);
    s_hears (2, STP_ACCEPTED, 0);
    s_hears (1, STP_OUTCOME, 7);
}

//  The message of the first is closed by the second, which waits for a later block; the
//  third has to wait for that one, and not for the first alone.

Test (outbox, an_outcome_does_not_overtake_one_that_closed_the_message_before_it)
{
    journal_place_t place = s_write ();
    s_say_outcome (1, 7, place);
    s_seal ();
    s_write ();
    s_say_outcome (1, 8, place);
    s_release (1);
    s_hears (1, STP_OUTCOME, 7);
    s_seal ();
    s_write ();
    s_say_outcome (1, 9, place);
    s_release (1);
    s_seal ();
    s_release (3);
    s_hears (1, STP_OUTCOME, 8);
    s_hears (1, STP_OUTCOME, 9);
}

//  The first outcome has to wait for block 1, and is then kept behind a message of somebody
//  else that waits for block 2. The second outcome would not have to wait, but its cursor
//  acknowledges the first.

Test (outbox, an_outcome_does_not_overtake_one_that_waits_behind_others)
{
    journal_place_t place = s_write ();
    s_say_outcome (1, 7, place);
    s_seal ();
    s_write ();
    s_say_accepted (2);
    s_say_accepted (1);
    s_release (1);
    s_say_outcome (1, 8, place);
    s_release (1);
    s_seal ();
    s_release (2);
    s_hears (1, STP_OUTCOME, 7);
    s_hears (1, STP_ACCEPTED, 0);
    s_hears (1, STP_OUTCOME, 8);
}
