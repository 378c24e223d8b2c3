//  test_broker_hostile: peers that do not mean well, while another one is served
//  SPDX-License-Identifier: MPL-2.0

#include "broker_scene.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

//  One message, and what it is answered with: an ERROR's code, or "" for nothing.

typedef struct {
    const char *name;
    const char *bytes;  //  The header
    size_t size;        //  Of it
    const char *answer;
} s_bad_t;

#define BAD(name, bytes, answer)                                                           \
    {                                                                                      \
        name, bytes, sizeof (bytes) - 1, answer                                            \
    }

static const s_bad_t s_bad [] = {
    BAD ("nothing", "", ""),
    BAD ("another protocol", "GET / HTTP/1.1\r\n\r\n", ""),
    BAD ("MDP of the guide", "MDPC01", ""),
    BAD ("the magic alone", "STP", ""),
    BAD ("zeros", "\0\0\0\0\0\0\0\0", ""),
    BAD ("no command", "STP\1", ""),
    BAD ("version 0", "STP\0\6\200", "version"),
    BAD ("version 2", "STP\2\6\200", "version"),
    BAD ("version 255 with nonsense", "STP\377\377\377", "version"),
    BAD ("no such command", "STP\1\37\201\241r\1", "command"),
    BAD ("a broker's command", "STP\1\141\201\241r\1", "command"),
    BAD ("no map", "STP\1\6", "malformed"),
    BAD ("an array", "STP\1\6\220", "malformed"),
    BAD ("a map cut short", "STP\1\6\202\241r\1", "malformed"),
    BAD ("a map of four billion", "STP\1\6\337\377\377\377\377", "malformed"),
    BAD ("a list of four billion", "STP\1\1\201\241t\335\377\377\377\377", "malformed"),
    BAD ("a text of four billion", "STP\1\6\201\241o\333\377\377\377\377x", "malformed"),
    BAD ("something behind the map", "STP\1\6\200\300", "malformed"),
    BAD ("a key twice", "STP\1\6\202\241r\1\241r\1", "malformed"),
    BAD ("a number as key", "STP\1\6\201\1\1", "malformed"),
    BAD ("a text for a number", "STP\1\6\201\241r\241x", "malformed"),
    BAD ("a negative number", "STP\1\6\201\241r\377", "malformed"),
    BAD ("the octet that is no msgpack", "STP\1\6\201\241r\301", "malformed"),
    BAD ("a push of nothing", "STP\1\1\201\241r\1", "malformed"),
    BAD ("a query for nonsense", "STP\1\6\202\241r\1\241o\244nope", "invalid"),
    BAD ("a name with a slash", "STP\1\5\203\241r\1\241g\243a/b\241o\243set", "malformed"),
    BAD ("a payload frame that is not there",
         "STP\1\1\205\241r\1\241g\241x\241p\1\241s\1\241t\221\1", "malformed"),
};

Test (broker_hostile, bad_messages_are_refused_one_by_one_while_others_are_served)
{
    scene_t scene;
    scene_begin (&scene);
    for (size_t index = 0; index < sizeof s_bad / sizeof s_bad [0]; index++) {
        const s_bad_t *bad = &s_bad [index];
        char text [32];
        void *peer = scene_peer (&scene);
        cr_assert (zmq_send (peer, bad->bytes, bad->size, 0) >= 0);
        scene_answer (peer, bad->answer [0] ? PATIENCE_MS : SILENCE_MS / 3, text);
        cr_expect_str_eq (text, bad->answer, "%s: '%s'", bad->name, text);
        scene_expect_service (&scene, bad->name);

        //  Who was refused may go on
        scene_ask (&scene, peer, "ping");
        scene_answer (peer, PATIENCE_MS, text);
        cr_expect_str_eq (text, "STATE", "%s, then a good one: '%s'", bad->name, text);
        zmq_close (peer);
    }
    scene_end (&scene);
}

//  A body that is nested a thousand times, in a map that a reader would allocate for.

Test (broker_hostile, deep_and_huge_messages_are_refused)
{
    scene_t scene;
    scene_begin (&scene);
    void *peer = scene_peer (&scene);
    char text [32];
    uint8_t *large = calloc (1, STINT_HEADER_MAX + 16);
    memcpy (large, "STP\1\6\201\241z", 8);
    memset (large + 8, 0x91, 1000);
    cr_assert (zmq_send (peer, large, 1008, 0) >= 0);
    scene_answer (peer, PATIENCE_MS, text);
    cr_expect_str_eq (text, "malformed", "nested: '%s'", text);

    cr_assert (zmq_send (peer, large, STINT_HEADER_MAX + 1, 0) >= 0);
    scene_answer (peer, PATIENCE_MS, text);
    cr_expect_str_eq (text, "malformed", "a large header: '%s'", text);
    free (large);

    for (int frame = 0; frame < 5000; frame++)
        cr_assert (zmq_send (peer, "STP\1\6\200", 6, frame < 4999 ? ZMQ_SNDMORE : 0) >= 0);
    scene_answer (peer, PATIENCE_MS, text);
    cr_expect_str_eq (text, "malformed", "many frames: '%s'", text);
    scene_expect_service (&scene, "many frames");
    zmq_close (peer);
    scene_end (&scene);
}

//  libzmq itself ends the connection of who announces a frame over MAXMSGSIZE.

Test (broker_hostile, a_frame_over_the_limit_ends_its_sender_only)
{
    scene_t scene;
    scene_begin (&scene);
    void *peer = scene_peer (&scene);
    size_t size = STINT_PAYLOAD_MAX + 1;
    uint8_t *huge = calloc (1, size);
    char text [32];
    cr_assert (zmq_send (peer, huge, size, 0) >= 0);
    free (huge);
    scene_answer (peer, SILENCE_MS, text);
    cr_expect_str_eq (text, "");
    scene_expect_service (&scene, "a huge frame");
    zmq_close (peer);
    scene_end (&scene);
}

Test (broker_hostile, a_client_with_a_routing_id_of_its_own_is_not_let_in)
{
    static const char *ids [] = {"mine", "a", "five5"};
    scene_t scene;
    scene_begin (&scene);
    for (int index = 0; index < 3; index++) {
        char text [32];
        void *peer = zmq_socket (scene.context, ZMQ_DEALER);
        int none = 0;
        zmq_setsockopt (peer, ZMQ_LINGER, &none, sizeof none);
        zmq_setsockopt (peer, ZMQ_ROUTING_ID, ids [index], strlen (ids [index]));
        cr_assert_eq (zmq_connect (peer, scene.endpoint), 0);
        scene_ask (&scene, peer, "ping");
        scene_answer (peer, SILENCE_MS, text);
        cr_expect_str_eq (text, "", "%s: '%s'", ids [index], text);
        scene_expect_service (&scene, ids [index]);
        zmq_close (peer);
    }
    scene_end (&scene);
}

Test (broker_hostile, a_flood_of_nonsense_does_not_keep_others_waiting)
{
    scene_t scene;
    scene_begin (&scene);
    void *peer = scene_peer (&scene);
    for (int count = 0; count < 50000; count++)
        cr_assert (zmq_send (peer, "STP\1\6\301", 6, 0) >= 0);
    for (int count = 0; count < 50000; count++)
        cr_assert (zmq_send (peer, "nonsense", 8, 0) >= 0);
    scene_expect_service (&scene, "a flood");
    zmq_close (peer);
    scene_end (&scene);
}

Test (broker_hostile, a_peer_that_never_reads_is_let_go_and_others_are_served)
{
    scene_t scene;
    scene_begin (&scene);
    int few = 1;
    void *deaf = zmq_socket (scene.context, ZMQ_DEALER);
    int none = 0;
    zmq_setsockopt (deaf, ZMQ_RCVHWM, &few, sizeof few);
    zmq_setsockopt (deaf, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt (deaf, ZMQ_LINGER, &none, sizeof none);
    cr_assert_eq (zmq_connect (deaf, scene.endpoint), 0);
    for (int count = 0; count < 40000; count++) {
        scene_ask (&scene, deaf, "groups");
        if (count % 4000 == 0)
            scene_expect_service (&scene, "questions whose answers nobody reads");
    }
    scene_expect_service (&scene, "all of them");
    zmq_close (deaf);
    scene_end (&scene);
}

//  libzmq 4.3.4 aborts when it cannot accept a connection over ipc.

Test (broker_hostile, connections_for_which_no_file_is_left_are_closed_and_others_served)
{
    enum {
        COUNT = 40
    };
    scene_t scene;
    int peers [COUNT];
    scene_begin (&scene);
    scene_expect_service (&scene, "the start");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy (address.sun_path, scene.endpoint + 6, strlen (scene.endpoint + 6));
    for (int index = 0; index < COUNT; index++)
        peers [index] = socket (AF_UNIX, SOCK_STREAM, 0);
    struct rlimit limit;
    getrlimit (RLIMIT_NOFILE, &limit);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = (rlim_t) peers [COUNT - 1] + 3;
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
    for (int index = 0; index < COUNT; index++)
        cr_assert_eq (connect (peers [index], (struct sockaddr *) &address, sizeof address),
                      0);

    //  The last one is turned away; the first two are waited for
    uint8_t byte;
    struct pollfd item = {peers [COUNT - 1], POLLIN, 0};
    cr_assert_eq (poll (&item, 1, PATIENCE_MS), 1);
    ssize_t got = recv (peers [COUNT - 1], &byte, 1, MSG_DONTWAIT);
    cr_assert (got == 0 || (got < 0 && errno == ECONNRESET), "got %zd", got);
    scene_expect_service (&scene, "too many connections");
    for (int index = 0; index < COUNT; index++)
        close (peers [index]);
    limit.rlim_cur = before;
    setrlimit (RLIMIT_NOFILE, &limit);
    scene_expect_service (&scene, "they have gone");
    scene_end (&scene);
}

//  ---------------------------------------------------------------------------------
//  Chance

static uint64_t
s_random (uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t
s_seed (void)
{
    const char *text = getenv ("SEED");
    uint64_t seed = text ? strtoull (text, NULL, 10) : (uint64_t) getpid () << 20 | 1;
    seed += seed == 0;
    fprintf (stderr, "SEED=%llu\n", (unsigned long long) seed);
    return seed;
}

//  Good messages with some octets changed, cut, or made longer.

Test (broker_hostile, messages_that_were_changed_by_chance_do_no_harm)
{
    static const char *good [] = {
        "STP\1\6\202\241r\1\241o\246groups",
        "STP\1\1\205\241r\1\241g\241x\241p\7\241s\1\241t\222\304\1a\222\304\1b\5",
        "STP\1\2\203\241r\2\241g\241x\241n\241b",
        "STP\1\3\203\241r\3\241b\1\241c\100",
        "STP\1\4\202\241r\4\241i\1",
        "STP\1\5\204\241r\5\241g\241x\241o\243set\241f\201\251max_tasks\12",
        "STP\1\41\205\241r\6\241w\11\241h\221\241x\241c\5\241t\221\222\1\2",
        "STP\1\43\202\241r\7\241t\221\224\1\2\1\304\1a",
        "STP\1\44\201\241t\221\222\1\2",
        "STP\1\102\200",
    };
    uint64_t state = s_seed ();
    scene_t scene;
    scene_begin (&scene);
    void *peers [4];
    for (int index = 0; index < 4; index++)
        peers [index] = scene_peer (&scene);
    for (int count = 0; count < 20000; count++) {
        uint8_t bytes [96];
        const char *from = good [s_random (&state) % 10];
        size_t size = strlen (from);
        memcpy (bytes, from, size);
        for (uint64_t changes = s_random (&state) % 4; changes > 0; changes--)
            bytes [4 + s_random (&state) % (size - 4)] = (uint8_t) s_random (&state);
        if (s_random (&state) % 8 == 0)
            size -= s_random (&state) % size;
        void *peer = peers [s_random (&state) % 4];
        int more = s_random (&state) % 8 == 0 ? ZMQ_SNDMORE : 0;
        cr_assert (zmq_send (peer, bytes, size, more) >= 0);
        if (count % 1000 == 0)
            scene_expect_service (&scene, "changed messages");
    }
    for (int index = 0; index < 4; index++)
        zmq_close (peers [index]);
    scene_expect_service (&scene, "all changed messages");
    scene_end (&scene);
}
