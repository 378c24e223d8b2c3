//  test_broker: the broker's socket and addresses, what peers may say to it, and its end
//  SPDX-License-Identifier: MPL-2.0

#include "broker_scene.h"
#include "listen.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

//  ---------------------------------------------------------------------------------
//  The socket

Test (broker, every_setting_of_its_socket_can_be_read_back)
{
    static const struct {
        const char *name;
        int option;
        int value;
    } settings [] = {
        {"SNDHWM", ZMQ_SNDHWM, 10000},
        {"RCVHWM", ZMQ_RCVHWM, 0},
        {"LINGER", ZMQ_LINGER, 1000},
        {"HANDSHAKE_IVL", ZMQ_HANDSHAKE_IVL, 5000},
        {"HEARTBEAT_IVL", ZMQ_HEARTBEAT_IVL, 0},
        {"TCP_KEEPALIVE", ZMQ_TCP_KEEPALIVE, 1},
        {"TCP_KEEPALIVE_IDLE", ZMQ_TCP_KEEPALIVE_IDLE, 10},
        {"TCP_KEEPALIVE_INTVL", ZMQ_TCP_KEEPALIVE_INTVL, 5},
        {"TCP_KEEPALIVE_CNT", ZMQ_TCP_KEEPALIVE_CNT, 3},
        {"BACKLOG", ZMQ_BACKLOG, 4096},
        {"TYPE", ZMQ_TYPE, ZMQ_ROUTER},
    };
    scene_t scene;
    scene_prepare (&scene);
    char error [512] = "";
    scene.broker = broker_new (&scene.options, error, sizeof error, &scene.code);
    cr_assert (scene.broker, "%s", error);
    void *router = broker_socket (scene.broker);
    for (size_t index = 0; index < sizeof settings / sizeof settings [0]; index++) {
        int value = -2;
        size_t size = sizeof value;
        cr_expect_eq (zmq_getsockopt (router, settings [index].option, &value, &size), 0);
        cr_expect_eq (value, settings [index].value, "%s is %d", settings [index].name,
                      value);
    }
    int64_t largest = 0;
    size_t size = sizeof largest;
    cr_expect_eq (zmq_getsockopt (router, ZMQ_MAXMSGSIZE, &largest, &size), 0);
    cr_expect_eq (largest, (int64_t) STINT_PAYLOAD_MAX, "MAXMSGSIZE is %lld",
                  (long long) largest);

    //  ROUTER_MANDATORY cannot be read: without it this send would succeed
    cr_expect_eq (zmq_send (router, "nobody", 6, ZMQ_SNDMORE | ZMQ_DONTWAIT), -1);
    cr_expect_eq (errno, EHOSTUNREACH);
    broker_destroy (&scene.broker);
    scene_clear (&scene);
}

//  ROUTER_HANDOVER cannot be read either: with it the second peer would take the place of
//  the first.

Test (broker, a_second_peer_with_the_same_routing_id_takes_nothing_over)
{
    scene_t scene;
    scene_prepare (&scene);
    scene.context = zmq_ctx_new ();
    void *router = listen_socket (scene.context);
    cr_assert_eq (zmq_bind (router, scene.endpoint), 0);
    void *peers [2];
    char text [16] = "";
    for (int index = 0; index < 2; index++) {
        peers [index] = zmq_socket (scene.context, ZMQ_DEALER);
        zmq_setsockopt (peers [index], ZMQ_ROUTING_ID, "same", 4);
        cr_assert_eq (zmq_connect (peers [index], scene.endpoint), 0);
        zmq_send (peers [index], "hello", 5, ZMQ_DONTWAIT);
        zmq_pollitem_t item = {router, 0, ZMQ_POLLIN, 0};
        int heard = zmq_poll (&item, 1, index == 0 ? PATIENCE_MS : SILENCE_MS);
        cr_assert_eq (heard, index == 0 ? 1 : 0, "peer %d", index);
        if (heard == 1)
            cr_assert (zmq_recv (router, text, 4, 0) == 4
                       && zmq_recv (router, text + 5, 5, 0) == 5);
    }
    zmq_send (router, "same", 4, ZMQ_SNDMORE);
    zmq_send (router, "for the first", 13, 0);
    cr_assert_eq (zmq_recv (peers [0], text, sizeof text, 0), 13);
    int none = 0;
    for (int index = 0; index < 2; index++) {
        zmq_setsockopt (peers [index], ZMQ_LINGER, &none, sizeof none);
        zmq_close (peers [index]);
    }
    zmq_close (router);
    zmq_ctx_term (scene.context);
    scene_clear (&scene);
}

Test (broker, the_socket_file_is_for_its_user_only)
{
    scene_t scene;
    scene_begin (&scene);
    struct stat file;
    cr_assert_eq (stat (scene.endpoint + strlen ("ipc://"), &file), 0);
    cr_assert (S_ISSOCK (file.st_mode));
    cr_assert_eq (file.st_mode & 0777, 0600, "mode %o", file.st_mode & 0777);
    scene_expect_service (&scene, "nothing");
    scene_end (&scene);
}

Test (broker, addresses_that_are_open_to_others_are_refused)
{
    static const struct {
        const char *endpoint;
        bool insecure;
        int code;
    } cases [] = {
        {"tcp://127.0.0.1:*", false, 78},
        {"tcp://127.0.0.1:*", true, 0},
        {"tcp://localhost:*", true, 78},
        {"tcp://*:*", true, 78},
        {"tcp://0.0.0.0:*", true, 78},
        {"tcp://192.0.2.1:*", true, 78},
        {"tcp://[::]:*", true, 78},
        {"tcp://127.evil.example:1", true, 69},
        {"inproc://here", true, 78},
        {"127.0.0.1:1", true, 78},
        {"tcp://127.0.0.1", true, 78},
        {"", true, 78},
        {"tcp://127.0.0.1:0", true, 78},
        {"tcp://127.0.0.1:99999", true, 78},
        {"ipc://", true, 78},
        {"tcp://", true, 78},
        {"tcp://:*", true, 78},
        {":*", true, 78},
    };
    scene_t scene;
    scene_prepare (&scene);
    char error [512];
    for (size_t index = 0; index < sizeof cases / sizeof cases [0]; index++) {
        int code = scene_try (&scene, cases [index].endpoint, cases [index].insecure, error,
                              sizeof error);
        cr_expect_eq (code, cases [index].code, "%s: %d %s", cases [index].endpoint, code,
                      error);
        cr_expect_eq (code == 0, error [0] == 0);
        cr_expect_null (strchr (error, '\n'));
    }
    char path [256] = "ipc:///tmp/";
    memset (path + strlen (path), 'x', 120);
    cr_expect_eq (scene_try (&scene, path, true, error, sizeof error), 78);
    scene_clear (&scene);
}

Test (broker, an_address_that_is_taken_is_refused_and_its_owner_goes_on)
{
    scene_t scene;
    char error [512];
    scene_begin (&scene);
    char taken [128];
    snprintf (taken, sizeof taken, "%s", scene.endpoint);
    cr_expect_eq (scene_try (&scene, taken, false, error, sizeof error), 69);
    cr_expect (strstr (error, taken), "%s", error);
    scene_expect_service (&scene, "another broker");
    scene_end (&scene);
}

//  Who has taken the address over meanwhile keeps it.

Test (broker, its_socket_file_goes_with_it_and_no_other_does)
{
    char error [512];
    for (int other = 0; other < 2; other++) {
        scene_t scene;
        struct stat file;
        scene_prepare (&scene);
        const char *path = scene.endpoint + strlen ("ipc://");
        int code = 0;
        broker_t *broker = broker_new (&scene.options, error, sizeof error, &code);
        cr_assert (broker, "%s", error);
        cr_assert_eq (stat (path, &file), 0);
        ino_t node = file.st_ino;
        void *context = zmq_ctx_new ();
        void *socket = zmq_socket (context, ZMQ_ROUTER);
        if (other)
            cr_assert_eq (zmq_bind (socket, scene.endpoint), 0);
        broker_destroy (&broker);
        cr_expect_eq (stat (path, &file), other ? 0 : -1);
        cr_expect (!other || file.st_ino != node);
        zmq_close (socket);
        zmq_ctx_term (context);
        scene_clear (&scene);
    }
}

//  Only root can make a folder for somebody else.

Test (broker, a_folder_of_another_user_is_named_with_its_owner)
{
    if (geteuid () != 0)
        return;
    scene_t scene;
    scene_prepare (&scene);
    char error [512], folder [64], endpoint [128];
    snprintf (folder, sizeof folder, "/tmp/stint-of-another-%ld", (long) getpid ());
    snprintf (endpoint, sizeof endpoint, "ipc://%s/broker.sock", folder);
    cr_assert_eq (mkdir (folder, 0700), 0);
    cr_assert_eq (chown (folder, 4000000123, 0), 0);
    cr_expect_eq (scene_try (&scene, endpoint, false, error, sizeof error), 78);
    cr_expect (strstr (error, folder) && strstr (error, "4000000123")
                   && strstr (error, "XDG_RUNTIME_DIR") && strstr (error, "--listen"),
               "%s", error);
    cr_assert_eq (chown (folder, 0, 0), 0);
    cr_assert_eq (chmod (folder, 0777), 0);
    cr_expect_eq (scene_try (&scene, endpoint, false, error, sizeof error), 78);
    cr_expect (strstr (error, "others may write to"), "%s", error);
    rmdir (folder);
    scene_clear (&scene);
}

//  ---------------------------------------------------------------------------------
//  Talk

//  The answer to a question is written anew for the next one; both may come in one turn.

Test (broker, questions_of_one_turn_get_their_own_answers)
{
    scene_t scene;
    scene_begin (&scene);
    void *peer = scene_peer (&scene);
    for (int count = 0; count < 1000; count++)
        scene_ask (&scene, peer, count % 2 == 0 ? "ping" : "groups");
    for (int count = 0; count < 1000;) {
        zmq_msg_t header;
        stint_message_t message;
        cr_assert (scene_hear (peer, PATIENCE_MS, &header, &message), "answer %d", count);
        if (message.command == STP_STATE) {
            stint_reader_t fields = stint_reader_of (message.fields);
            cr_assert_eq (message.request, (uint64_t) count + 1);
            cr_assert_eq (stint_read_map (&fields), count % 2 == 0 ? 3 : 1);
            count++;
        }
        zmq_msg_close (&header);
    }
    zmq_close (peer);
    scene_end (&scene);
}

//  A worker whose session has ended says so with a heartbeat that was under way, and READY
//  right behind it. The heartbeat is told BYE, but the READY must not go down with it.

Test (broker, a_ready_behind_a_strangers_heartbeat_is_accepted)
{
    scene_t scene;
    scene_begin (&scene);
    for (uint64_t worker = 1; worker <= 20; worker++) {
        void *peer = scene_peer (&scene);
        char text [32];
        stint_wire_begin (&scene.writer, STP_HEARTBEAT, 0);
        scene_send (&scene, peer);
        stint_wire_begin (&scene.writer, STP_READY, 4);
        stint_wire_number (&scene.writer, 'r', worker);
        stint_wire_number (&scene.writer, 'w', worker);
        stint_wire_field (&scene.writer, 'h');
        stint_write_array (&scene.writer, 1);
        stint_write_text (&scene.writer, "group");
        stint_wire_number (&scene.writer, 'c', 1);
        scene_send (&scene, peer);
        scene_answer (peer, PATIENCE_MS, text);
        cr_assert_str_eq (text, "BYE", "'%s'", text);
        scene_answer (peer, PATIENCE_MS, text);
        cr_assert_str_eq (text, "ACCEPTED", "'%s'", text);
        zmq_close (peer);
    }
    scene_end (&scene);
}

//  ---------------------------------------------------------------------------------
//  The end

Test (broker, a_drain_without_running_tasks_ends_at_once)
{
    scene_t scene;
    scene_prepare (&scene);
    scene.options.drain_ms = 1000000;
    scene_start (&scene);
    scene_expect_service (&scene, "nothing");
    scene_command (&scene, BROKER_DRAIN);
    pthread_join (scene.thread, NULL);
    cr_assert_eq (scene.code, 0);
    char text [32];
    scene_answer (scene.friend, PATIENCE_MS, text);
    cr_assert_str_eq (text, "BYE", "'%s'", text);
    broker_destroy (&scene.broker);
    zmq_close (scene.friend);
    zmq_ctx_term (scene.context);
    close (scene.control);
    stint_writer_clear (&scene.writer);
    scene_clear (&scene);
}
