/* SPDX-License-Identifier: Apache-2.0 */
#include "config/arguments.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "config/option.h"

/* Flags that are no options. */
typedef enum PlainFlag {
        FLAG_CONFIG,
        FLAG_CONFIG_DIR,
        FLAG_REGISTRIES_CONF,
        FLAG_REGISTRIES_CONF_DIR,
        FLAG_LOG,
        FLAG_RUNTIMES,
        FLAG_IGNORED, /* known, takes a value, no effect */
        FLAG_IGNORED_SWITCH,
        FLAG_VERSION,
        FLAG_HELP,
        FLAG_DEFAULT,
        FLAG_JSON,
} PlainFlag;

static const struct {
        const char *name;
        PlainFlag flag;
        const char *environment;
} plain_flags[] = {
        {"config", FLAG_CONFIG, "CONTAINER_CONFIG"},
        {"c", FLAG_CONFIG, NULL},
        {"config-dir", FLAG_CONFIG_DIR, "CONTAINER_CONFIG_DIR"},
        {"d", FLAG_CONFIG_DIR, NULL},
        {"registries-conf", FLAG_REGISTRIES_CONF, "CONTAINER_REGISTRIES_CONF"},
        {"registries-conf-dir", FLAG_REGISTRIES_CONF_DIR, "CONTAINER_REGISTRIES_CONF_DIR"},
        {"log", FLAG_LOG, "CONTAINER_LOG"},
        {"runtimes", FLAG_RUNTIMES, "CONTAINER_RUNTIMES"},
        {"log-format", FLAG_IGNORED, NULL},
        {"profile-port", FLAG_IGNORED, NULL},
        {"profile-cpu", FLAG_IGNORED, NULL},
        {"profile-mem", FLAG_IGNORED, NULL},
        {"address", FLAG_IGNORED, NULL},
        {"profile", FLAG_IGNORED_SWITCH, NULL},
        {"enable-profile-unix-socket", FLAG_IGNORED_SWITCH, NULL},
        {"version", FLAG_VERSION, NULL},
        {"v", FLAG_VERSION, NULL},
        {"help", FLAG_HELP, NULL},
        {"h", FLAG_HELP, NULL},
        {"default", FLAG_DEFAULT, NULL},
        {"json", FLAG_JSON, NULL},
        {"j", FLAG_JSON, NULL},
        {"verbose", FLAG_IGNORED_SWITCH, NULL},
};

static const struct {
        const char *word;
        Command command;
} commands[] = {
        {"config", COMMAND_CONFIG},
        {"version", COMMAND_VERSION},
        {"help", COMMAND_HELP},
        {"h", COMMAND_HELP},
        {"stages", COMMAND_STAGES},
        {"check", COMMAND_UNBUILT},
        {"status", COMMAND_UNBUILT},
        {"wipe", COMMAND_UNBUILT},
        {"complete", COMMAND_UNBUILT},
        {"completion", COMMAND_UNBUILT},
        {"man", COMMAND_UNBUILT},
        {"markdown", COMMAND_UNBUILT},
        {"md", COMMAND_UNBUILT},
        {"publish", COMMAND_UNBUILT},
};

void arguments_clear(Arguments *arguments) {
        g_clear_pointer(&arguments->word, g_free);
        g_clear_pointer(&arguments->config_file, g_free);
        g_clear_pointer(&arguments->config_dir, g_free);
        g_clear_pointer(&arguments->registries_conf, g_free);
        g_clear_pointer(&arguments->registries_conf_dir, g_free);
        g_clear_pointer(&arguments->log_file, g_free);
        g_clear_pointer(&arguments->settings, g_ptr_array_unref);
        g_clear_pointer(&arguments->runtimes, g_strfreev);
}

static void set_text(char **place, const char *text) {
        g_free(*place);
        *place = g_strdup(text);
}

/* Several entries may stand in one value with commas between them. */
static void add_runtimes(Arguments *arguments, const char *value) {
        g_auto(GStrv) old = g_steal_pointer(&arguments->runtimes);
        g_autofree char *before = old ? g_strjoinv(",", old) : NULL;
        g_autofree char *all = before ? g_strconcat(before, ",", value, NULL) : g_strdup(value);

        arguments->runtimes = g_strsplit(all, ",", -1);
}

static void set_plain(Arguments *arguments, PlainFlag flag, const char *value) {
        switch (flag) {
        case FLAG_CONFIG:
                set_text(&arguments->config_file, value);
                break;
        case FLAG_CONFIG_DIR:
                set_text(&arguments->config_dir, value);
                break;
        case FLAG_REGISTRIES_CONF:
                set_text(&arguments->registries_conf, value);
                break;
        case FLAG_REGISTRIES_CONF_DIR:
                set_text(&arguments->registries_conf_dir, value);
                break;
        case FLAG_LOG:
                set_text(&arguments->log_file, value);
                break;
        case FLAG_RUNTIMES:
                add_runtimes(arguments, value);
                break;
        case FLAG_VERSION:
                arguments->command = COMMAND_VERSION;
                break;
        case FLAG_HELP:
                arguments->command = COMMAND_HELP;
                break;
        case FLAG_DEFAULT:
                arguments->print_defaults = true;
                break;
        case FLAG_JSON:
                arguments->json = true;
                break;
        case FLAG_IGNORED:
        case FLAG_IGNORED_SWITCH:
                break;
        }
}

static bool find_plain(const char *name, PlainFlag *ret_flag) {
        for (unsigned i = 0; i < G_N_ELEMENTS(plain_flags); i++) {
                if (!g_str_equal(plain_flags[i].name, name))
                        continue;
                *ret_flag = plain_flags[i].flag;
                return true;
        }
        return false;
}

static bool takes_value(PlainFlag flag) {
        return flag <= FLAG_IGNORED;
}

/* A list may be given by several flags: later ones add to the first. */
static void add_setting(
        Arguments *arguments, const Option *option, const char *name, const char *value) {
        for (guint i = 0; option->type == OPTION_LIST && i < arguments->settings->len; i += 2) {
                char *old = arguments->settings->pdata[i + 1];

                if (option_find_flag(arguments->settings->pdata[i]) != option)
                        continue;
                arguments->settings->pdata[i + 1] = g_strconcat(old, ",", value, NULL);
                g_free(old);
                return;
        }
        g_ptr_array_add(arguments->settings, g_strdup(name));
        g_ptr_array_add(arguments->settings, g_strdup(value));
}

/* --name value, --name=value, --switch; moves @index over what was used. */
static bool parse_flag(Arguments *arguments, char **argv, int argc, int *index, GError **error) {
        const char *text = argv[*index] + (argv[*index][1] == '-' ? 2 : 1);
        const char *equals = strchr(text, '=');
        g_autofree char *name = equals ? g_strndup(text, (gsize)(equals - text)) : g_strdup(text);
        const char *value = equals ? equals + 1 : NULL;
        const Option *option = option_find_flag(name);
        PlainFlag plain = FLAG_HELP;
        bool wants_value;

        if (!option && !find_plain(name, &plain))
                return fail(error, ERROR_INVALID_ARGUMENT,
                        "flag %s does not exist; see crio --help", argv[*index]);
        wants_value = option ? option->type != OPTION_BOOL : takes_value(plain);
        if (wants_value && !value) {
                if (*index + 1 >= argc)
                        return fail(error, ERROR_INVALID_ARGUMENT, "flag %s needs a value",
                                argv[*index]);
                value = argv[++*index];
        }
        if (option)
                add_setting(arguments, option, name, value ? value : "true");
        else if (!value || wants_value || !g_str_equal(value, "false"))
                set_plain(arguments, plain, value);
        if (!option && (plain == FLAG_IGNORED || plain == FLAG_IGNORED_SWITCH))
                log_warning("--%s has no effect in this release", name);
        return true;
}

static bool parse_word(Arguments *arguments, const char *word, GError **error) {
        for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
                if (!g_str_equal(commands[i].word, word) || arguments->word)
                        continue;
                arguments->command = commands[i].command;
                arguments->word = g_strdup(word);
                return true;
        }
        /* Words behind a command that is not built belong to it. */
        return arguments->command == COMMAND_UNBUILT ||
               fail(error, ERROR_INVALID_ARGUMENT, "command \"%s\" not supported", word);
}

static void read_environment(Arguments *arguments) {
        for (unsigned i = 0; i < G_N_ELEMENTS(plain_flags); i++) {
                const char *value =
                        plain_flags[i].environment ? g_getenv(plain_flags[i].environment) : NULL;

                if (value)
                        set_plain(arguments, plain_flags[i].flag, value);
        }
        if (!arguments->registries_conf)
                set_text(&arguments->registries_conf, g_getenv("CONTAINERS_REGISTRIES_CONF"));
}

bool arguments_parse(int argc, char **argv, Arguments *ret_arguments, GError **error) {
        *ret_arguments = (Arguments){.settings = g_ptr_array_new_with_free_func(g_free)};
        read_environment(ret_arguments);
        for (int i = 1; i < argc; i++) {
                bool good = argv[i][0] == '-' && argv[i][1]
                                    ? parse_flag(ret_arguments, argv, argc, &i, error)
                                    : parse_word(ret_arguments, argv[i], error);

                if (!good)
                        return false;
        }
        return true;
}
