//  sim_rare: the rare events that a run of the simulator has to see
//  SPDX-License-Identifier: MPL-2.0
//
//  A simulator that never gets to a place finds nothing there. So each place that is hard
//  to get to has a name, and a full run in which one of them never came fails.

#ifndef SIM_RARE_H
#define SIM_RARE_H

#define SIM_RARE(X)                                                                        \
    X (RARE_CRASH_RECEIVE, "crash between two messages of a turn")                         \
    X (RARE_CRASH_RUN, "crash before the block of a turn was sealed")                      \
    X (RARE_CRASH_MOVE, "crash within a copy forward")                                     \
    X (RARE_CRASH_SEAL, "crash between seal and append")                                   \
    X (RARE_CRASH_APPEND, "crash between append and durable")                              \
    X (RARE_CRASH_DURABLE, "crash between durable and its answers")                        \
    X (RARE_CRASH_SENT, "crash between two answers")                                       \
    X (RARE_CRASH_TRIM, "crash between trim and its commit")                               \
    X (RARE_CRASH_REPLAY, "crash within a recovery")                                       \
    X (RARE_CRASH_REPLAY_TWICE, "crash within the recovery from that")                     \
    X (RARE_CRASH_IDLE, "crash before the recovered broker wrote anything")                \
    X (RARE_LOST_TAIL, "crash lost blocks that were on their way")                         \
    X (RARE_KEPT_TAIL, "crash kept blocks that were on their way")                         \
    X (RARE_TORN, "torn last block was cut")                                               \
    X (RARE_HOLE, "damaged block before a whole one was refused")                          \
    X (RARE_FLIP_REPLAY, "flipped bit was refused at a recovery")                          \
    X (RARE_FLIP_LAST, "flipped bit in the last block was cut, with a warning")            \
    X (RARE_FLIP_READ, "flipped bit was found when a body was read back")                  \
    X (RARE_FLIP_TRIMMED, "flipped bit went with its block")                               \
    X (RARE_EIO_LOST, "write error lost the blocks")                                       \
    X (RARE_FSYNC_KEPT, "sync error, and the blocks were there after all")                 \
    X (RARE_FSYNC_PART, "sync error, and part of the blocks was there")                    \
    X (RARE_ENOSPC, "disk was full")                                                       \
    X (RARE_DISK_BAD_START, "start failed because the disk still did")                     \
    X (RARE_READ_ERROR, "read error stopped the broker")                                   \
    X (RARE_PUSH_AGAIN, "push came again and was the same tasks")                          \
    X (RARE_PUSH_UNDONE, "crash took back a push that was not answered")                   \
    X (RARE_PUSH_ORDER, "push out of order was refused")                                   \
    X (RARE_PRODUCER_GONE, "silent producer was forgotten")                                \
    X (RARE_UNDONE_RESULT, "result of a task whose push was undone was refused")           \
    X (RARE_FULL_GROUP, "FULL: max_tasks of a group")                                      \
    X (RARE_FULL_BYTES, "FULL: max_bytes of a group")                                      \
    X (RARE_FULL_TASKS, "FULL: limits/tasks")                                              \
    X (RARE_FULL_DISK, "FULL: the disk is behind")                                         \
    X (RARE_FULL_STORE, "FULL: the store is nearly full")                                  \
    X (RARE_FULL_PRODUCERS, "FULL: limits/producers")                                      \
    X (RARE_FULL_NAMES, "FULL: groups or batches")                                         \
    X (RARE_FULL_SESSIONS, "peer was not let in: limits/sessions")                         \
    X (RARE_LEASE_IN_FLIGHT, "lease ended while its result was on its way")                \
    X (RARE_STALE, "stale result was refused")                                             \
    X (RARE_STALE_CLAIM, "claim was refused")                                              \
    X (RARE_ADOPTED, "claim was adopted after a restart")                                  \
    X (RARE_ADOPTED_LOST_START, "claim of a start that a crash had lost was adopted")      \
    X (RARE_TAKEN_OVER, "claim on a new connection before the old one was missed")         \
    X (RARE_RESULT_AGAIN, "result came again and was not stale")                           \
    X (RARE_DEAD, "task was dead after its last attempt")                                  \
    X (RARE_REFUSED, "task was refused for good")                                          \
    X (RARE_LOST, "attempt was lost with its worker")                                      \
    X (RARE_LATER, "attempt asked for another time")                                       \
    X (RARE_RETURNED, "attempt was handed back")                                           \
    X (RARE_BYE_HELD, "worker left and handed back what it held")                          \
    X (RARE_NOT_BACK, "awaited worker never came back")                                    \
    X (RARE_STRANGER, "peer went on as if it were known")                                  \
    X (RARE_LONG_ENDED, "outcome did not wait, because its record was durable")            \
    X (RARE_BEHIND, "tasks waited because the disk was far behind")                        \
    X (RARE_PAUSED, "tasks waited because their group was paused")                         \
    X (RARE_DRAINING, "push was refused because its group drains")                         \
    X (RARE_WORKER_DRAINED, "worker was told to drain, and left when it was done")         \
    X (RARE_RUNNING_MAX, "tasks waited because of max_running")                            \
    X (RARE_PRIORITY, "task of a higher priority went before an older one")                \
    X (RARE_KEY_RUNNING, "tasks waited because of key_running")                            \
    X (RARE_RATE, "tasks waited because of rate")                                          \
    X (RARE_KEY_RATE, "tasks waited because of key_rate")                                  \
    X (RARE_BLOCKED, "task waited for another one of its order")                           \
    X (RARE_ORDER_GATE, "next task of an order waited for the disk")                       \
    X (RARE_EXPIRED, "task expired before it began")                                       \
    X (RARE_DEADLINE, "task was taken away at its deadline")                               \
    X (RARE_CAUGHT_UP, "run of a schedule without a broker was caught up with")            \
    X (RARE_PASSED, "run of a schedule was missed, and came to nothing")                   \
    X (RARE_RUN_HELD, "run of a schedule waited for room")                                 \
    X (RARE_SHARED, "worker went on with another group though one had more")               \
    X (RARE_CUT_OFF, "peer that could not be reached was cut off")                         \
    X (RARE_CANCEL_WAITING, "waiting task was cancelled")                                  \
    X (RARE_CANCEL_RUNNING, "running task was cancelled")                                  \
    X (RARE_CANCEL_LATE, "cancel came after the end")                                      \
    X (RARE_CANCEL_MANY, "tasks of a group were cancelled by one request")                 \
    X (RARE_RETRIED, "dead task was retried")                                              \
    X (RARE_RETRIED_CANCELLED, "cancelled task was retried")                               \
    X (RARE_RETRIED_MANY, "tasks of a group were retried by one request")                  \
    X (RARE_TOLD_TWICE, "second end of a task that was retried was told")                  \
    X (RARE_EMPTY_PLACE, "empty place was sent to a collector")                            \
    X (RARE_DROP_ASKED, "ended task was dropped by a request")                             \
    X (RARE_REVOKED_RESULT, "result came after its revoke")                                \
    X (RARE_WATCH, "end of a single task was waited for, and told")                        \
    X (RARE_BATCH_TWICE, "second collector took a batch over")                             \
    X (RARE_OUTCOME_AGAIN, "outcome was delivered again")                                  \
    X (RARE_BATCH_GONE, "batch was forgotten")                                             \
    X (RARE_DROPPED, "ended task was forgotten when its time was over")                    \
    X (RARE_GROUP_GONE, "group was removed")                                               \
    X (RARE_MOVED, "block was copied forward with a task in it")                           \
    X (RARE_READ_BACK, "body was read back from the disk")                                 \
    X (RARE_STOPPED, "broker stopped in good order")                                       \
    X (RARE_DRAINED, "drain waited until nothing ran")                                     \
    X (RARE_SLOWER, "pace of heartbeats became slower")                                    \
    X (RARE_FASTER, "pace of heartbeats became faster")                                    \
    X (RARE_FORGIVEN, "stall was forgiven")                                                \
    X (RARE_CLOCK_BACK, "wall clock was behind the journal at a start")                    \
    X (RARE_CLOCK_AHEAD, "wall clock had leapt ahead at a start")                          \
    X (RARE_CUT_ONE_WAY, "link was cut one way")                                           \
    X (RARE_CUT_BOTH, "link was cut both ways")                                            \
    X (RARE_CLOGGED, "links were clogged and cleared in another order")                    \
    X (RARE_BROKEN_LINK, "link broke with messages on it")                                 \
    X (RARE_OLD_LINK, "old connection's message came behind the new one's")                \
    X (RARE_NOTE_SHOWN, "progress of a running attempt was shown")                         \
    X (RARE_NOTES_FULL, "there was no room for the progress of one more attempt")          \
    X (RARE_MALFORMED, "message was not understood")                                       \
    X (RARE_FRAME, "body travelled in a frame of its own")

#define SIM_RARE_NAME(name, text) name,

typedef enum {
    SIM_RARE (SIM_RARE_NAME) RARE_COUNT
} sim_rare_t;

#endif
