/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Arguments - the command line, sorted into a sub-command and settings.
 */

#include "config/config.h"

typedef enum Command {
        COMMAND_DAEMON,
        COMMAND_CONFIG,
        COMMAND_VERSION,
        COMMAND_HELP,
        COMMAND_STAGES,
        COMMAND_UNBUILT, /* known to CRI-O, not built here: status, check, wipe, ... */
} Command;

typedef struct Arguments {
        Command command;
        char *word;          /* the sub-command as written */
        bool print_defaults; /* config --default */
        bool json;           /* version --json */
        char *config_file;   /* NULL: the usual one, which may be missing */
        char *config_dir;    /* NULL: the usual one */
        char *registries_conf;
        char *registries_conf_dir;
        char *log_file;
        GPtrArray *settings; /* flag, value, flag, value, ... */
        GStrv runtimes;      /* --runtimes, one entry each */
} Arguments;

bool arguments_parse(int argc, char **argv, Arguments *ret_arguments, GError **error);
void arguments_clear(Arguments *arguments);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

/* Defaults, files, environment, flags, in this order; checked, programs looked up. */
Config *config_load(const Arguments *arguments, GError **error);

/* The same without looking up programs: what `crio config` shows. */
Config *config_load_values(const Arguments *arguments, GError **error);
