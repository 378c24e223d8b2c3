//  worker_options: what stint-worker was told on its command line
//  SPDX-License-Identifier: MPL-2.0

#ifndef WORKER_OPTIONS_H
#define WORKER_OPTIONS_H

#include "stint_config.h"
#include "stint_endpoint.h"

#define WORKER_OPTIONS_GROUPS 16   //  Most groups
#define WORKER_OPTIONS_NAME 64     //  Longest name of a group or a worker, in bytes
#define WORKER_OPTIONS_GO_ON (-1)  //  There is something to run

typedef struct {
    stint_config_t *config;     //  All values; holds the texts below
    stint_endpoint_t endpoint;  //  Where the broker is
    const char *group_list;     //  The groups as given: "one,two"
    char groups [WORKER_OPTIONS_GROUPS][WORKER_OPTIONS_NAME + 1];  //  Each of them
    size_t group_count;                                            //  How many
    char name [WORKER_OPTIONS_NAME + 1];  //  For people, and for $STINT_WORKER
    bool named;                           //  The name was given
    const char *shell;                    //  Of --exec; null when there is argv
    char *const *argv;                    //  Behind "--", null at the end
    uint32_t slots;                       //  Programs at a time
    int64_t time_limit_ms;                //  Of each program; 0 for none
    int64_t grace_ms;                     //  From SIGTERM to SIGKILL
    bool pool;                            //  Start workers rather than be one
    uint32_t least;                       //  Workers of the pool
    uint32_t most;                        //  Workers of the pool
    int64_t idle_ms;                      //  After which a worker of the pool may go
    bool member;                          //  It is a worker of a pool
    const char *log;                      //  Level
} worker_options_t;

//  Reads the command line and looks for the broker. Borrows the words. Returns
//  WORKER_OPTIONS_GO_ON, or the exit code: 0 after the help or the version was printed, 64
//  after each fault was told on standard error.
int worker_options_load (worker_options_t *self, int argc, char **argv);

//  Returns the arguments for a worker of the pool: a list of texts with a null at its end.
//  Sets the place of its name, 0 when it has none. Free with worker_options_free_member.
char **worker_options_for_member (const worker_options_t *self, size_t *name);
void worker_options_free_member (char ***argv_p);

//  Frees what was loaded.
void worker_options_unload (worker_options_t *self);

#endif
