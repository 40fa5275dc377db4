/* SPDX-License-Identifier: Apache-2.0 */
#include "conmon/options.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "conmon/file.h"

/* the version of the contract with CRI-O and podman, not that of the project: callers compare it */
#define CONTRACT_VERSION "2.2.1"
#define SECONDS_MAX 2000000             /* in ms they still fit an int */
#define CID_MAX 240                     /* becomes a file name, with a suffix */

typedef enum OptionKind {
        OPTION_FLAG,
        OPTION_STRING,
        OPTION_NUMBER,
        OPTION_LIST,
} OptionKind;

typedef struct OptionRow {
        const char *name;
        char letter;                    /* 0 when there is none */
        OptionKind kind;
        size_t offset;
        const char *help;               /* NULL hides it */
} OptionRow;

#define ROW(name, letter, kind, field, help) \
        { name, letter, OPTION_##kind, offsetof(Options, field), help }

static const OptionRow rows[] = {
        ROW("api-version", 0, FLAG, api_version, "answer with the keys of version 1"),
        ROW("bundle", 'b', STRING, bundle, "bundle directory"),
        ROW("cid", 'c', STRING, cid, "container ID"),
        ROW("conmon-pidfile", 'P', STRING, conmon_pidfile, "file for the pid of the monitor"),
        ROW("container-pidfile", 'p', STRING, container_pidfile, "file for the container's pid"),
        ROW("pidfile", 0, STRING, container_pidfile, NULL),
        ROW("cuuid", 'u', STRING, cuuid, "ID that names the attach socket's directory"),
        ROW("exec", 'e', FLAG, exec, "run a process in an existing container"),
        ROW("exec-attach", 0, FLAG, exec_attach, "offer an attach socket for that process"),
        ROW("exec-process-spec", 0, STRING, exec_process_spec, "OCI process for --exec"),
        ROW("exit-command", 0, STRING, exit_command, "program to run at the end"),
        ROW("exit-command-arg", 0, LIST, exit_command_args, "an argument of that program"),
        ROW("exit-delay", 0, NUMBER, exit_delay, "seconds to wait before it"),
        ROW("exit-dir", 0, STRING, exit_dir, "directory for the exit file"),
        ROW("full-attach", 0, FLAG, full_attach, "attach socket in the bundle only"),
        ROW("help", 'h', FLAG, help, "print this text"),
        ROW("leave-stdin-open", 0, FLAG, leave_stdin_open, "keep stdin when a client leaves"),
        ROW("log-allowlist-dir", 0, LIST, log_allowlist_dirs, "rotate logs only below this"),
        ROW("log-global-size-max", 0, NUMBER, log_global_size_max, "most bytes to log in all"),
        ROW("log-label", 0, LIST, log_labels, "KEY=VALUE for the journal"),
        ROW("log-level", 0, STRING, log_level, "error, warn, info, debug or trace"),
        ROW("log-max-files", 0, NUMBER, log_max_files, "old log files that rotation keeps"),
        ROW("log-path", 'l', LIST, log_paths, "DRIVER[:PATH], drivers: k8s-file, journald, "
                                              "passthrough, none"),
        ROW("log-rotate", 0, FLAG, log_rotate, "keep old logs at the size limit"),
        ROW("log-size-max", 0, NUMBER, log_size_max, "most bytes in one log file"),
        ROW("log-tag", 0, STRING, log_tag, "tag for the journal"),
        ROW("name", 'n', STRING, name, "container name"),
        ROW("no-container-partial-message", 0, FLAG, no_partial_message,
                "do not mark partial lines in the journal"),
        ROW("no-new-keyring", 0, FLAG, no_new_keyring, "handed to the runtime"),
        ROW("no-pivot", 0, FLAG, no_pivot, "handed to the runtime"),
        ROW("no-sync-log", 0, FLAG, no_sync_log, "no fsync of the log at the end"),
        ROW("persist-dir", '0', STRING, persist_dir, "directory that outlives the container"),
        ROW("replace-listen-pid", 0, FLAG, replace_listen_pid, "LISTEN_PID is for the runtime"),
        ROW("restore", 0, STRING, restore, "restore from this checkpoint"),
        ROW("restore-arg", 0, LIST, restore_args, NULL),
        ROW("runtime", 'r', STRING, runtime, "path of the OCI runtime"),
        ROW("runtime-arg", 0, LIST, runtime_args, "argument before its sub-command"),
        ROW("runtime-opt", 0, LIST, runtime_opts, "argument after its sub-command"),
        ROW("sdnotify-socket", 0, STRING, sdnotify_socket, "where to relay sd-notify messages"),
        ROW("socket-dir-path", 0, STRING, socket_dir, "directory of links to attach sockets"),
        ROW("stdin", 'i', FLAG, stdin_pipe, "open a pipe to the container's stdin"),
        ROW("sync", 0, FLAG, sync, "stay a child of the caller"),
        ROW("syslog", 0, FLAG, syslog, "own messages also to syslog"),
        ROW("systemd-cgroup", 's', FLAG, systemd_cgroup, "handed to the runtime"),
        ROW("terminal", 't', FLAG, terminal, "the container has a terminal"),
        ROW("timeout", 'T', NUMBER, timeout, "kill the process after so many seconds"),
        ROW("version", 0, FLAG, version, "print the version"),
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

typedef struct Parser {
        Options *options;
        Arena *arena;
        int argc;
        char **argv;
        int at;                         /* the argument being read */
} Parser;

static const char *options_store(Parser *parser, const OptionRow *row, const char *value) {
        char *field = (char *) parser->options + row->offset;
        List *list = (List *) field;

        switch (row->kind) {
        case OPTION_FLAG:
                *(bool *) field = true;
                break;
        case OPTION_STRING:
                *(const char **) field = value;
                break;
        case OPTION_NUMBER:
                if (!number_parse(value, (int64_t *) field))
                        return arena_join(parser->arena, "--", row->name, " needs a number, not ",
                                value, NULL);
                break;
        case OPTION_LIST:
                if (!list->items)
                        list->items = arena_take(parser->arena,
                                sizeof(*list->items) * ((size_t) parser->argc + 1));
                list->items[list->count++] = value;
                break;
        }
        return NULL;
}

/* options_take_value() - the value is the next argument, whatever it looks like */
static const char *options_take_value(Parser *parser, const OptionRow *row) {
        if (parser->at + 1 >= parser->argc)
                return arena_join(parser->arena, "--", row->name, " needs a value", NULL);
        return options_store(parser, row, parser->argv[++parser->at]);
}

static const char *options_parse_long(Parser *parser, const char *word) {
        const char *equals = strchr(word, '=');
        size_t length = equals ? (size_t) (equals - word) : strlen(word);

        for (size_t i = 0; i < ROWS; i++) {
                const OptionRow *row = &rows[i];

                if (strlen(row->name) != length || strncmp(row->name, word, length) != 0)
                        continue;
                if (row->kind == OPTION_FLAG && equals)
                        break;
                if (equals)
                        return options_store(parser, row, equals + 1);
                if (row->kind == OPTION_FLAG)
                        return options_store(parser, row, NULL);
                return options_take_value(parser, row);
        }
        return arena_join(parser->arena, "unknown option --", word, NULL);
}

/* options_parse_letters() - letters may be joined when only the last one takes a value */
static const char *options_parse_letters(Parser *parser, const char *letters) {
        const char *error = NULL;

        for (const char *letter = letters; *letter && !error; letter++) {
                const OptionRow *row = NULL;

                for (size_t i = 0; i < ROWS && !row; i++)
                        if (rows[i].letter == *letter)
                                row = &rows[i];
                if (!row)
                        return arena_join(parser->arena, "unknown option -", letters, NULL);
                if (row->kind == OPTION_FLAG)
                        error = options_store(parser, row, NULL);
                else if (letter[1])
                        return arena_join(parser->arena, "-", letters,
                                ": only the last letter may take a value", NULL);
                else
                        error = options_take_value(parser, row);
        }
        return error;
}

static bool is_file_name(const char *name) {
        size_t length = strlen(name);

        return length > 0 && length <= CID_MAX && !strchr(name, '/') && strcmp(name, ".") != 0 &&
                strcmp(name, "..") != 0;
}

static bool is_word(const char *string, size_t length, const char *word) {
        return strlen(word) == length && strncmp(string, word, length) == 0;
}

/* options_add_log() - one -l: "driver", "driver:path", ":path" or "path" */
static const char *options_add_log(Options *options, Arena *arena, const char *wish) {
        const char *colon = strchr(wish, ':');
        size_t length = colon ? (size_t) (colon - wish) : strlen(wish);
        const char *path = colon ? colon + 1 : NULL;

        if (*wish == '\0')
                return "--log-path must not be empty";
        if (is_word(wish, length, "off") || is_word(wish, length, "null") ||
            is_word(wish, length, "none"))
                return NULL;
        if (is_word(wish, length, "passthrough")) {
                options->passthrough = true;
                return NULL;
        }
        if (is_word(wish, length, "journald")) {
                options->journald = true;
                return NULL;
        }
        if (colon && length > 0 && !is_word(wish, length, "k8s-file"))
                return arena_join(arena, "no such log driver: ", wish, NULL);
        if (!colon)
                path = is_word(wish, length, "k8s-file") ? "" : wish;
        if (*path == '\0')
                return "the log driver k8s-file needs a path";
        if (options->log_file_count == LOG_FILES)
                return "too many log files";
        options->log_files[options->log_file_count++] = path;
        return NULL;
}

static bool is_label(const char *label) {
        const char *equals = strchr(label, '=');

        if (!equals || equals == label || strchr(equals + 1, '='))
                return false;
        return strspn(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == (size_t) (equals - label);
}

static const char *options_check_logs(Options *options, Arena *arena) {
        if (options->log_paths.count == 0)
                return "no log driver given, use --log-path";
        for (int i = 0; i < options->log_paths.count; i++) {
                const char *error = options_add_log(options, arena, options->log_paths.items[i]);
                if (error)
                        return error;
        }
        for (int i = 0; i < options->log_labels.count; i++)
                if (!is_label(options->log_labels.items[i]))
                        return arena_join(arena, "--log-label must be KEY=VALUE, with KEY of A-Z, "
                                "0-9 and _: ", options->log_labels.items[i], NULL);
        if (options->log_file_count > 0 && !options->journald) {
                if (options->log_tag)
                        return "k8s-file does not know --log-tag";
                if (options->log_labels.count > 0)
                        return "k8s-file does not know --log-label";
        }
        if (options->journald && strlen(options->cid) <= 12)
                return "journald needs a container ID of more than 12 characters";
        if (options->log_rotate && options->log_max_files < 1)
                return "--log-rotate needs --log-max-files of at least 1";
        return NULL;
}

static const char *options_check_exec(const Options *options) {
        if (!options->exec && options->exec_attach)
                return "--exec-attach needs --exec";
        if (options->exec_attach && !options->api_version)
                return "--exec-attach needs --api-version 1";
        if (options->exec && !options->exec_process_spec)
                return "--exec needs --exec-process-spec";
        if (options->exec && options->restore)
                return "--exec and --restore exclude each other";
        return NULL;
}

/* options_check() - what must be there, and what follows from it */
static const char *options_check(Options *options, Arena *arena) {
        char folder[PATH_MAX];
        const char *error;

        if (!options->cid)
                return "no container ID given, use --cid";
        if (!is_file_name(options->cid))
                return "--cid must be usable as a file name";
        if (!options->cuuid && !(options->exec && !options->api_version))
                return "no container UUID given, use --cuuid";
        if (options->cuuid && !is_file_name(options->cuuid))
                return "--cuuid must be usable as a file name";
        if (!options->runtime)
                return "no OCI runtime given, use --runtime";
        if (access(options->runtime, X_OK) < 0)
                return arena_join(arena, "cannot run the OCI runtime ", options->runtime, NULL);
        if (options->exit_delay < 0 || options->exit_delay > SECONDS_MAX)
                return "--exit-delay must be a reasonable number of seconds";
        if (options->timeout > SECONDS_MAX)
                return "--timeout must be a reasonable number of seconds";
        if (!message_level_parse(options->log_level, &options->level))
                return arena_join(arena, "no such log level: ", options->log_level, NULL);

        error = options_check_exec(options);
        if (error)
                return error;
        if (!getcwd(folder, sizeof(folder)))
                return "cannot tell the current directory";
        if (!options->bundle && !options->exec)
                options->bundle = arena_join(arena, folder, NULL);
        if (!options->container_pidfile)
                options->container_pidfile = arena_join(arena, folder, "/pidfile-", options->cid,
                        NULL);
        return options_check_logs(options, arena);
}

const char *options_parse(Options *options, Arena *arena, int argc, char **argv) {
        Parser parser = { .options = options, .arena = arena, .argc = argc, .argv = argv };
        const char *error = NULL;

        options->level = MESSAGE_WARNING;
        options->log_level = "warning";
        options->log_size_max = options->log_global_size_max = -1;
        options->socket_dir = "/var/run/crio";

        /* words that are no options do no harm: podman writes "--api-version 1" for a flag */
        for (parser.at = 1; parser.at < argc && !error; parser.at++) {
                const char *word = argv[parser.at];

                if (strcmp(word, "--") == 0)
                        break;
                if (strncmp(word, "--", 2) == 0)
                        error = options_parse_long(&parser, word + 2);
                else if (word[0] == '-' && word[1])
                        error = options_parse_letters(&parser, word + 1);
        }
        if (error || options->help || options->version)
                return error;
        return options_check(options, arena);
}

void options_print_help(void) {
        char buffer[8192];
        Text text = text_over(buffer, sizeof(buffer));

        text_add(&text, "Usage: conmon [OPTION...]\n\nMonitor of one container.\n\n");
        for (size_t i = 0; i < ROWS; i++) {
                char letter[] = { '-', rows[i].letter, ',', ' ', '\0' };

                if (!rows[i].help)
                        continue;
                text_add(&text, "  ");
                text_add(&text, rows[i].letter ? letter : "    ");
                text_add(&text, "--");
                text_add(&text, rows[i].name);
                text_add(&text, rows[i].kind == OPTION_FLAG ? "" : "=VALUE");
                text_add(&text, "\n            ");
                text_add(&text, rows[i].help);
                text_add(&text, "\n");
        }
        fd_write_all(STDOUT_FILENO, text.data, text.length);
}

void options_print_version(void) {
        static const char version[] = "conmon version " CONTRACT_VERSION "\ncommit: unknown\n";

        fd_write_all(STDOUT_FILENO, version, sizeof(version) - 1);
}
