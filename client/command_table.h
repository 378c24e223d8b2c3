//  command_table: the functions behind the commands, one for each
//  SPDX-License-Identifier: MPL-2.0
//
//  Each carries out what its row of the table promises, and returns the exit code.

#ifndef CLIENT_COMMAND_TABLE_H
#define CLIENT_COMMAND_TABLE_H

#include "command.h"

//  One task: command_push.c
int command_push (command_call_t *call);
int command_wait (command_call_t *call);
int command_result (command_call_t *call);

//  Many tasks: command_map.c
int command_map (command_call_t *call);

//  Changes to tasks: command_many.c. command_purge is a part of command_group.
int command_cancel (command_call_t *call);
int command_retry (command_call_t *call);
int command_drop (command_call_t *call);
int command_purge (command_call_t *call, const char *group);

//  The broker and its groups: command_status.c, command_group.c
int command_ping (command_call_t *call);
int command_status (command_call_t *call);
int command_group (command_call_t *call);

//  Schedules: command_schedule.c
int command_schedule (command_call_t *call);

//  Its workers: command_worker.c
int command_worker (command_call_t *call);

//  Tasks at the broker: command_list.c
int command_ls (command_call_t *call);
int command_show (command_call_t *call);

//  Why nothing happens: command_explain.c
int command_explain (command_call_t *call);

//  The program itself: command_line.c
int command_version (command_call_t *call);
int command_print_help (command_call_t *call);

#endif
