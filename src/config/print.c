/* SPDX-License-Identifier: Apache-2.0 */
#include "config/print.h"

#include "config/config-private.h"

static const char header[] =
        "# Configuration of crio.\n"
        "#\n"
        "# Read from /etc/crio/crio.conf, then from the files in /etc/crio/crio.conf.d in the\n"
        "# order of their names; later files win, then the environment, then flags.\n";

/* crio prints no key that upstream does not print either: the old name of plugin_dirs. */
static bool is_shown(const Option *option) {
        return !g_str_equal(option->key, "plugin_dir");
}

static void print_option(GString *text, const Option *option, const void *object,
        const void *standard, bool defaults) {
        g_autofree char *value = option_print(option, object);
        bool quiet = !defaults && option_is_equal(option, object, standard);

        g_string_append_printf(text, "\n# %s%s\n%s%s = %s\n", option->manual,
                option->works || !option->table ? "" : " Without effect in this release.",
                quiet ? "# " : "", option->key, value);
}

static void print_handlers(GString *text, const Config *config, bool defaults) {
        for (guint i = 0; i < config->runtimes->len; i++) {
                RuntimeHandlerConfig *handler = config->runtimes->pdata[i];
                RuntimeHandlerConfig *standard = handler_config_new(handler->name);

                g_string_append_printf(text, "\n[crio.runtime.runtimes.%s]\n", handler->name);
                for (unsigned k = 0; k < handler_options.count; k++)
                        print_option(
                                text, &handler_options.options[k], handler, standard, defaults);
                handler_config_free(standard);
        }
}

static bool is_resource(const Option *option) {
        return g_str_has_prefix(option->key, "cpu");
}

/* The table of a workload itself, or that of its resources. */
static void print_workload(GString *text, const WorkloadConfig *workload, bool resources) {
        g_string_append_printf(text, "\n[crio.runtime.workloads.%s%s]\n", workload->name,
                resources ? ".resources" : "");
        for (unsigned i = 0; i < workload_options.count; i++) {
                const Option *option = &workload_options.options[i];
                g_autofree char *value = option_print(option, workload);

                if (is_resource(option) == resources)
                        g_string_append_printf(text, "%s = %s\n", option->key, value);
        }
}

static void print_workloads(GString *text, const Config *config) {
        for (guint i = 0; i < config->workloads->len; i++) {
                print_workload(text, config->workloads->pdata[i], false);
                print_workload(text, config->workloads->pdata[i], true);
        }
}

char *config_print(const Config *config, bool defaults) {
        g_autoptr(Config) standard = config_new();
        const Config *shown = defaults ? standard : config;
        GString *text = g_string_new(header);
        const char *table = "";

        for (unsigned i = 0; i < config_options.count; i++) {
                const Option *option = &config_options.options[i];

                if (!g_str_equal(table, option->table)) {
                        if (g_str_equal(table, "crio.runtime")) {
                                print_handlers(text, shown, defaults);
                                print_workloads(text, shown);
                        }
                        table = option->table;
                        g_string_append_printf(text, "\n[%s]\n", table);
                }
                if (is_shown(option))
                        print_option(text, option, shown, standard, defaults);
        }
        return g_string_free(text, FALSE);
}
