//  stint-broker: options, signals and exit codes around a broker
//  SPDX-License-Identifier: MPL-2.0

#include "host.h"
#include "listen.h"
#include "settings.h"
#include "stint_log.h"
#include "stint_units.h"
#include "store_directory.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define OWN_FILES 64  //  That the broker has open besides its connections

#define USAGE_HEAD                                                                         \
    "usage: stint-broker [--store DIR | --ephemeral] [--listen ENDPOINT ...] [flags]\n\n"  \
    "Queues tasks in named groups, gives them to workers, keeps their results.\n"          \
    "Without flags it serves this user on this machine.\n\n"

//  What the control function needs.

typedef struct {
    int argc;                //  The command line, to read it again at a reload
    char **argv;             //
    stint_config_t *config;  //  As it was at the start; the broker borrows its texts
    stint_config_t *latest;  //  Of the last reload, and in force; null before
    int signals;             //  Where signals are read
    bool draining;           //  One signal to stop has come
} s_main_t;

//  Adds a fault for each endpoint that is none: it would be found only behind the opening
//  of the store, and libzmq takes a port modulo 65536.

static void
s_check_endpoints (stint_config_t *config)
{
    char fault [512];
    for (size_t at = 0; at < stint_config_list_size (config, "broker/listen"); at++) {
        const char *endpoint = stint_config_list_at (config, "broker/listen", at);
        if (listen_is_endpoint (endpoint))
            continue;
        snprintf (fault, sizeof fault, "cannot listen on \"%.128s\": " LISTEN_ENDPOINTS,
                  endpoint);
        stint_config_add_fault (config, "broker/listen", fault);
    }
}

//  Reads all settings: file, environment, flags.

static stint_config_t *
s_load (int argc, char **argv)
{
    stint_config_t *config = settings_new ();
    stint_config_load_environment (config);
    stint_config_load_flags (config, argc, argv, false);
    const char *file = stint_config_text (config, "config");
    stint_config_load_file (config, file ? file : "/etc/stint/broker.zpl", file != NULL);
    for (size_t index = 0; index < stint_config_names (config, "groups"); index++) {
        const char *name = stint_config_name (config, "groups", index);
        if (!stint_wire_name_valid (stint_bytes_of (name)))
            stint_config_add_fault (config, "config",
                                    "a group's name is 1 to 64 letters, digits, '.', '_' "
                                    "and '-', not beginning with '.' or '-'");
    }
    s_check_endpoints (config);
    return config;
}

static int
s_tell_faults (const stint_config_t *config)
{
    for (size_t index = 0; index < stint_config_faults (config); index++)
        fprintf (stderr, "stint-broker: %s\n", stint_config_fault (config, index));
    return stint_config_exit_code (config);
}

//  ---------------------------------------------------------------------------------
//  Signals

static void
s_on_change (const char *path, const char *before, const char *after, bool reloadable,
             void *argument)
{
    (void) argument;
    if (reloadable)
        stint_log (STINT_LOG_INFO, "config.changed", stint_field_text ("path", path),
                   stint_field_text ("before", before ? before : ""),
                   stint_field_text ("after", after ? after : ""));
}

static void
s_on_restart (const char *path, const char *before, const char *after, bool reloadable,
              void *argument)
{
    (void) argument;
    if (!reloadable)
        stint_log (STINT_LOG_ERROR, "config.needs_restart", stint_field_text ("path", path),
                   stint_field_text ("running", before ? before : ""),
                   stint_field_text ("file", after ? after : ""),
                   stint_field_text ("do", "restart to apply"));
}

//  Says what in a changed configuration keeps all of it from being taken over. Returns
//  false when nothing does.

static bool
s_refuse_reload (const stint_config_t *before, const stint_config_t *config)
{
    size_t faults = stint_config_faults (config);
    for (size_t index = 0; index < faults; index++)
        stint_log (STINT_LOG_ERROR, "config.fault",
                   stint_field_text ("what", stint_config_fault (config, index)));
    size_t restarts =
        faults ? 0 : stint_config_compare (before, config, s_on_restart, NULL);
    if (faults || restarts)
        stint_log (STINT_LOG_ERROR, "config.kept",
                   stint_field_text ("why", faults ? "nothing was changed: see the faults"
                                                   : "nothing was changed: there are "
                                                     "settings that need a restart"));
    return faults || restarts;
}

//  Takes over a changed file if all of it is well and nothing in it needs a restart.

static void
s_reload (s_main_t *self, broker_t *broker)
{
    const stint_config_t *before = self->latest ? self->latest : self->config;
    stint_config_t *config = s_load (self->argc, self->argv);
    if (s_refuse_reload (before, config)) {
        stint_config_destroy (&config);
        return;
    }
    stint_config_compare (before, config, s_on_change, NULL);
    record_settings_t defaults = settings_defaults (config);
    broker_set_defaults (broker, &defaults);
    stint_log_set_level (stint_log_level (stint_config_text (config, "log/level")));
    stint_log (STINT_LOG_INFO, "config.reloaded");
    stint_config_destroy (&self->latest);
    self->latest = config;
}

static broker_command_t
s_control (broker_t *broker, void *argument)
{
    s_main_t *self = argument;
    struct signalfd_siginfo info;
    if (read (self->signals, &info, sizeof info) != sizeof info)
        return BROKER_GO_ON;
    if (info.ssi_signo == SIGHUP) {
        s_reload (self, broker);
        return BROKER_RELOAD;
    }
    if (info.ssi_signo == SIGUSR1) {
        core_totals_t totals = broker_totals (broker);
        stint_log (STINT_LOG_INFO, "broker.state",
                   stint_field_number ("tasks", totals.tasks),
                   stint_field_number ("running", totals.running),
                   stint_field_number ("orphans", totals.orphans),
                   stint_field_number ("workers", totals.workers),
                   stint_field_number ("sessions", totals.sessions),
                   stint_field_number ("adopted", totals.adopted),
                   stint_field_number ("stale", totals.stale),
                   stint_field_number ("lost", totals.lost),
                   stint_field_number ("malformed", totals.malformed));
        return BROKER_GO_ON;
    }
    if (self->draining)
        return BROKER_STOP;
    self->draining = true;
    return BROKER_DRAIN;
}

//  Signals come through a descriptor; no handler ever runs.

static int
s_open_signals (void)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGTERM);
    sigaddset (&set, SIGINT);
    sigaddset (&set, SIGHUP);
    sigaddset (&set, SIGUSR1);
    sigprocmask (SIG_BLOCK, &set, NULL);
    signal (SIGPIPE, SIG_IGN);
    return signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

//  ---------------------------------------------------------------------------------

static void
s_say_ready (const broker_t *broker, const broker_options_t *options)
{
    for (size_t index = 0; index < options->endpoint_count; index++) {
        if (options->insecure && strncmp (broker_endpoint (broker, index), "tcp", 3) == 0)
            stint_log (STINT_LOG_WARNING, "broker.insecure",
                       stint_field_text ("endpoint", broker_endpoint (broker, index)),
                       stint_field_text ("why", "no keys: every user of this machine may "
                                                "run programs on the workers"));
        stint_log (STINT_LOG_INFO, "broker.ready",
                   stint_field_text ("version", STINT_VERSION),
                   stint_field_text ("endpoint", broker_endpoint (broker, index)),
                   stint_field_text ("store", options->engine == &store_memory
                                                  ? "none"
                                                  : options->store.directory),
                   stint_field_number ("tasks", broker_totals (broker).tasks),
                   stint_field_number ("running", broker_totals (broker).orphans));
    }
}

//  Messages of a hundred kilobytes come and go all the time. By itself glibc gives their
//  pages back with each of them, and takes new ones, cleared, with the next: a third of all
//  page faults under load. What it keeps instead is at most this much in each arena.

static void
s_keep_pages (void)
{
#ifdef M_TRIM_THRESHOLD
    mallopt (M_TRIM_THRESHOLD, 8 << 20);
    mallopt (M_MMAP_THRESHOLD, 4 << 20);
#endif
}

//  Says what may be meant otherwise, and does not keep the broker from serving.

static void
s_warn (const broker_options_t *options, uint64_t files)
{
    if (files < options->limits.sessions + (uint64_t) OWN_FILES)
        stint_log (STINT_LOG_WARNING, "broker.few_files",
                   stint_field_number ("files", files),
                   stint_field_number ("sessions", options->limits.sessions),
                   stint_field_text ("do", "raise ulimit -Hn (LimitNOFILE) if so many are "
                                           "to connect"));
    if (options->engine != &store_memory && directory_is_open (options->store.directory))
        stint_log (
            STINT_LOG_WARNING, "store.open_to_all",
            stint_field_text ("store", options->store.directory),
            stint_field_text ("why", "every user may put another store in its place"),
            stint_field_text ("do", "chmod o-w"));
}

static int
s_run (s_main_t *self)
{
    char error [1024];
    int code = 0;
    broker_options_t options = settings_options (self->config);
    uint64_t files = host_raise_files ();
    if (getrandom (&options.seed, sizeof options.seed, 0) != sizeof options.seed)
        options.seed = (uint64_t) getpid ();
    broker_t *broker = broker_new (&options, error, sizeof error, &code);
    if (!broker)
        fprintf (stderr, "stint-broker: %s\n", error);
    else {
        s_say_ready (broker, &options);
        s_warn (&options, files);
        code = broker_run (broker, self->signals, s_control, self);
        broker_destroy (&broker);
        if (code == 0)
            stint_log (STINT_LOG_INFO, "broker.stopped",
                       stint_field_text ("why", "told to; all that was accepted is kept"));
    }
    settings_clear (&options);
    stint_log_repeats (true);
    return code;
}

//  Returns 0 when all that was printed has arrived, else 74 after a line.

static int
s_end_of_print (void)
{
    if (fflush (stdout) == 0 && !ferror (stdout))
        return 0;
    fprintf (stderr, "stint-broker: cannot write the output: %s\n", strerror (errno));
    return 74;
}

static int
s_serve (s_main_t *self)
{
    stint_log_start (stint_log_level (stint_config_text (self->config, "log/level")));
    s_keep_pages ();
    self->signals = s_open_signals ();
    int code = s_run (self);
    close (self->signals);
    return code;
}

int
main (int argc, char **argv)
{
    s_main_t self = {argc, argv, s_load (argc, argv), NULL, -1, false};
    int code = 0;
    if (stint_config_boolean (self.config, "help")) {
        fputs (USAGE_HEAD, stdout);
        stint_config_print_help (self.config, stdout);
    }
    else if (stint_config_boolean (self.config, "version"))
        puts ("stint-broker " STINT_VERSION);
    else if (stint_config_faults (self.config) > 0)
        code = s_tell_faults (self.config);
    else if (stint_config_positionals (self.config) > 0) {
        fprintf (stderr,
                 "stint-broker: what is \"%s\"? it takes flags only; a file of "
                 "settings is given with --config FILE\n",
                 stint_config_positional (self.config, 0));
        code = 64;
    }
    else if (stint_config_boolean (self.config, "print-config"))
        stint_config_print (self.config, stdout);
    else if (!stint_config_boolean (self.config, "check-config"))
        code = s_serve (&self);
    if (code == 0)
        code = s_end_of_print ();
    stint_config_destroy (&self.latest);
    stint_config_destroy (&self.config);
    return code;
}
