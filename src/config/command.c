/* SPDX-License-Identifier: Apache-2.0 */
#include "config/command.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config-private.h"
#include "config/print.h"

#define PLATFORM "linux/" ARCHITECTURE

#if defined(__x86_64__)
#define ARCHITECTURE "amd64"
#elif defined(__aarch64__)
#define ARCHITECTURE "arm64"
#else
#define ARCHITECTURE "unknown"
#endif

static int print_version(const Arguments *arguments) {
        static const char *const facts[][2] = {{"Compiler", "cc " __VERSION__},
                {"Platform", PLATFORM}, {"Linkmode", "dynamic"}, {"SeccompEnabled", "true"},
                {"AppArmorEnabled", "true"}};
        g_autoptr(Json) json = json_new_object();
        g_autofree char *text = NULL;

        if (!arguments->json) {
                /* `crio --version` starts with a line that scripts cut; `crio version` is a table.
                 */
                printf(arguments->word ? "Version:        %s\n" : "crio version %s\n",
                        CRIO_VERSION);
                for (unsigned i = 0; i < G_N_ELEMENTS(facts); i++)
                        printf(arguments->word ? "%s:  %s\n" : "   %s:  %s\n", facts[i][0],
                                facts[i][1]);
                return EXIT_SUCCESS;
        }
        json_set_string(json, "version", CRIO_VERSION);
        json_set_string(json, "compiler", "cc " __VERSION__);
        json_set_string(json, "platform", PLATFORM);
        json_set_string(json, "linkmode", "dynamic");
        json_set_bool(json, "seccompEnabled", true);
        json_set_bool(json, "appArmorEnabled", true);
        text = json_print(json, NULL);
        printf("%s\n", text);
        return EXIT_SUCCESS;
}

static int print_help(void) {
        printf("crio - container runtime daemon for Kubernetes\n\n"
               "usage: crio [flags]            run the daemon\n"
               "       crio config [--default] print the configuration\n"
               "       crio version [--json]   print the version\n\n"
               "  --config, -c FILE        main file (\"\" reads none)\n"
               "  --config-dir, -d DIR     directory of further files\n"
               "  --runtimes NAME:PATH:ROOT  a runtime handler; may be repeated\n"
               "  --registries-conf FILE   another registries.conf\n"
               "  --version, -v\n\n");
        for (unsigned i = 0; i < config_options.count; i++) {
                const Option *option = &config_options.options[i];

                if (*option->flags)
                        printf("  --%s\n      %s%s\n", option->flags, option->manual,
                                option->works ? "" : " (without effect in this release)");
        }
        return EXIT_SUCCESS;
}

static int print_config(const Arguments *arguments) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_load_values(arguments, &error);
        g_autofree char *text = NULL;

        if (!config) {
                log_write(LOG_LEVEL_FATAL, "%s", error->message);
                return EXIT_FAILURE;
        }
        text = config_print(config, arguments->print_defaults);
        fputs(text, stdout);
        return EXIT_SUCCESS;
}

bool config_command(const Arguments *arguments, int *ret_status) {
        switch (arguments->command) {
        case COMMAND_CONFIG:
                *ret_status = print_config(arguments);
                return true;
        case COMMAND_VERSION:
                *ret_status = print_version(arguments);
                return true;
        case COMMAND_HELP:
                *ret_status = print_help();
                return true;
        case COMMAND_UNBUILT:
                log_write(LOG_LEVEL_FATAL, "crio %s is not built in this release", arguments->word);
                *ret_status = EXIT_FAILURE;
                return true;
        case COMMAND_DAEMON:
        case COMMAND_STAGES:
                return false;
        }
        return false;
}
