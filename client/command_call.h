//  command_call: what commands do with the broker and with people
//  SPDX-License-Identifier: MPL-2.0

#ifndef CLIENT_COMMAND_CALL_H
#define CLIENT_COMMAND_CALL_H

#include "command.h"

//  Makes the client of the broker that was asked for, without waiting for it. Returns
//  COMMAND_OK, or another exit code after it has said what is wrong.
int command_connect (command_call_t *call);

//  Returns the milliseconds that one request may take: --timeout, or 5000.
int command_timeout (const command_call_t *call);

//  Says that something went wrong: "stint: what, where", then an indented line that can be
//  pasted when hint is not null. With --json one line of JSON, still on standard error:
//  {"error":TEXT,"code":CODE}. Returns code.
int command_fail (int code, const char *hint, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

//  From now on errors are lines of JSON.
void command_talk_json (void);

//  Says why a call of the library failed, and returns the exit code for it.
int command_fail_status (const command_call_t *call, stint_status_t status);

//  Says that there is no room for a task of a group. Returns COMMAND_FULL.
int command_fail_full (const command_call_t *call, const char *group);

//  Says something on standard error, "stint: ...", unless --quiet.
void command_notice (const command_call_t *call, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

//  Reads the number of a task. Returns false, after it has said so, when it is none.
bool command_task_number (const char *word, uint64_t *id);

//  Reads the name of a task's state. Returns COMMAND_OK, or another exit code after it has
//  said that it is none. In command_list.c.
int command_state (const char *name, stint_state_t *state);

//  Asks the broker. Returns COMMAND_OK with one well-formed map, valid until the next call
//  of the client; or another exit code after it has said what is wrong.
int command_query (command_call_t *call, const stint_query_t *query, stint_bytes_t *map);

//  Prints a packed map about the broker or its groups as one line of JSON.
void command_print_json (stint_bytes_t map);

//  Returns until when to wait for the end of tasks, on command_now's clock: --timeout from
//  now, or without it five seconds; INT64_MAX instead of these when forever is set.
int64_t command_deadline (const command_call_t *call, bool forever);

//  Waits for the end of a task, over restarts of the broker too. Returns COMMAND_OK, also
//  for a task that failed; COMMAND_OPEN when it has not ended by the deadline, of which
//  nothing is said; or another exit code after it has said what is wrong. The result is
//  valid until the next call of the client.
int command_wait_for (command_call_t *call, uint64_t id, int64_t until,
                      stint_result_t *result);

//  Prints what a task came to: its result, or on standard error why there is none; one
//  line with --json. Returns COMMAND_OK or COMMAND_FAILED.
int command_print_result (const command_call_t *call, const stint_result_t *result);

//  Prints what a task came to as one line of JSON, with its place in its batch if it has
//  one, and the name of the file that holds the result when file is not null.
void command_print_json_result (const stint_result_t *result, const char *file);

//  Says on standard error that a task has no result, and why.
void command_print_failure (const stint_result_t *result);

//  Flushes standard output. Returns code, or COMMAND_DISK after it has said that something
//  could not be written; of a pipe that its reader has closed nothing is said.
int command_finish (int code);

//  Returns the milliseconds of a clock that never goes back.
int64_t command_now (void);

//  Returns true when a call that failed is worth making again: the broker was there
//  before, is away now, and not for longer than a minute yet. Says so once, and waits a
//  moment. Remembers in *away since when the broker is away; the caller sets that to 0
//  while the broker is there.
bool command_patient (const command_call_t *call, stint_status_t status, int64_t *away);

//  From now on Ctrl-C is kept back, and command_interrupted tells of it. Call it before
//  the client is made, whose threads take it over.
void command_hold_interrupt (void);
bool command_interrupted (void);

#endif
