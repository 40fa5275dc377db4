/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/tree.h"
#include "config/arguments.h"
#include "config/config-private.h"
#include "config/print.h"

typedef struct Fixture {
        char *folder;
        char *file;
        char *dir;
} Fixture;

static void set_up(Fixture *fixture, const void *data) {
        fixture->folder = g_dir_make_tmp("config-XXXXXX", NULL);
        fixture->file = g_build_filename(fixture->folder, "crio.conf", NULL);
        fixture->dir = g_build_filename(fixture->folder, "crio.conf.d", NULL);
        g_mkdir(fixture->dir, 0700);
        g_assert_true(g_file_set_contents(fixture->file, "", 0, NULL));
}

static void tear_down(Fixture *fixture, const void *data) {
        g_assert_true(tree_remove(AT_FDCWD, fixture->folder, NULL));
        g_free(fixture->folder);
        g_free(fixture->file);
        g_free(fixture->dir);
}

static void write_file(const Fixture *fixture, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(fixture->folder, name, NULL);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* @words: flags with blanks between; NULL when the load fails. */
static Config *load(const Fixture *fixture, const char *words, GError **error) {
        g_autofree char *line = g_strdup_printf("crio --config %s --config-dir %s%s%s",
                fixture->file, fixture->dir, *words ? " " : "", words);
        g_auto(GStrv) argv = g_strsplit(line, " ", -1);
        g_auto(Arguments) arguments = {0};

        if (!arguments_parse((int)g_strv_length(argv), argv, &arguments, error))
                return NULL;
        return config_load_values(&arguments, error);
}

static void assert_refused(const Fixture *fixture, const char *text, const char *why) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = NULL;

        write_file(fixture, "crio.conf", text);
        config = load(fixture, "", &error);
        if (config)
                g_error("taken: %s", text);
        if (!strstr(error->message, why))
                g_error("\"%s\" does not have \"%s\"", error->message, why);
}

static void test_order(Fixture *fixture, const void *data) {
        g_autoptr(Config) config = NULL;

        write_file(fixture, "crio.conf",
                "[crio]\nlog_dir = \"/one\"\n[crio.runtime]\n"
                "log_level = \"debug\"\npids_limit = 1\n");
        write_file(fixture, "crio.conf.d/20-b", "[crio]\nlog_dir = \"/three\"\n");
        write_file(fixture, "crio.conf.d/10-a.conf~",
                "[crio]\nlog_dir = \"/two\"\n"
                "[crio.runtime]\nPids_Limit = 2\n");
        g_setenv("CONTAINER_PIDS_LIMIT", "3", TRUE);
        config = load(fixture, "--log-level=warn", NULL);
        g_unsetenv("CONTAINER_PIDS_LIMIT");
        g_assert_nonnull(config);
        g_assert_cmpstr(config->log_dir, ==, "/three");
        g_assert_cmpint(config->pids_limit, ==, 3);
        g_assert_cmpstr(config->log_level, ==, "warn");
}

static void test_merge(Fixture *fixture, const void *data) {
        g_autoptr(Config) config = NULL;

        write_file(fixture, "crio.conf",
                "[crio]\nroot = \"/r\"\nstorage_option = [\"a\"]\n"
                "[crio.runtime.runtimes.runc]\nruntime_path = \"/x\"\nruntime_root = \"/y\"\n");
        write_file(fixture, "crio.conf.d/1",
                "[crio]\nroot = \"\"\nstorage_option = [\"b\"]\n"
                "[crio.runtime.runtimes.runc]\nruntime_path = \"/z\"\n");
        config = load(fixture, "", NULL);
        g_assert_nonnull(config);
        g_assert_cmpstr(config->root, ==, "/r");
        g_assert_cmpuint(g_strv_length(config->storage_option), ==, 2);
        g_assert_cmpuint(config->runtimes->len, ==, 2);
        g_assert_cmpstr(config_find_runtime(config, "runc")->runtime_path, ==, "/z");
        g_assert_cmpstr(config_find_runtime(config, "runc")->runtime_root, ==, "");
        g_assert_null(config_find_runtime(config, "kata"));
}

static void test_refuses(Fixture *fixture, const void *data) {
        assert_refused(fixture, "[crio]\nroot = 3\n", "crio.conf:2: root is an integer; it has to");
        assert_refused(fixture, "[crio.runtime]\ndefault_env = [1]\n", "a list of texts");
        assert_refused(fixture, "[crio]\nlog_dir = \"relative\"\n", "absolute path");
        assert_refused(fixture, "[crio.runtime]\nlog_size_max = 100\n", "at least 8192");
        assert_refused(fixture, "[crio.runtime]\ncgroup_manager = \"x\"\n", "systemd cgroupfs");
        assert_refused(fixture, "[crio.image]\nimage_volumes = \"x\"\n", "mkdir bind ignore");
        assert_refused(fixture, "[crio.runtime]\ndefault_ulimits = [\"nofile=2:1\"]\n", "below");
        assert_refused(fixture, "[crio.runtime]\ndefault_ulimits = [\"nofile\"]\n", "soft:hard");
        assert_refused(
                fixture, "[crio.image]\npull_progress_timeout = \"5 parsecs\"\n", "duration");
        assert_refused(fixture, "[crio\n", ":1:");
}

static void test_flags(Fixture *fixture, const void *data) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = load(fixture,
                "--insecure-registry 10.96.0.0/12 --insecure-registry=b --selinux "
                "--drop-infra-ctr=false -r /r --runtimes runc:/a:/b,k:/c:/d --registries-conf /e",
                &error);

        g_assert_no_error(error);
        g_assert_cmpuint(g_strv_length(config->insecure_registries), ==, 2);
        g_assert_true(config->selinux);
        g_assert_false(config->drop_infra_ctr);
        g_assert_cmpstr(config->root, ==, "/r");
        g_assert_cmpstr(config_find_runtime(config, "k")->runtime_path, ==, "/c");
        g_assert_cmpstr(config->registries_conf, ==, "/e");
        g_assert_null(load(fixture, "--no-such-flag", &error));
        g_clear_error(&error);
        g_assert_null(load(fixture, "stray", &error));
        g_assert_cmpstr(error->message, ==, "command \"stray\" not supported");
}

/* Give every option a value that is not its default. */
static void change(const Option *option, void *object) {
        static const char *const texts[] = {[OPTION_STRING] = "/changed \"x\"\\",
                [OPTION_BOOL] = "true",
                [OPTION_INT] = "12345",
                [OPTION_LIST] = "/x=1,/y=2",
                [OPTION_DURATION] = "7m",
                [OPTION_SIZE] = "3MiB",
                [OPTION_MAP] = ""};

        g_assert_true(option_set_text(option, object, texts[option->type], "test", NULL));
        if (option->type == OPTION_BOOL && g_str_equal(option->fallback, "true"))
                g_assert_true(option_set_text(option, object, "false", "test", NULL));
}

static bool is_choice(const Option *option) {
        static const char *const keys[] = {"image_volumes", "cgroup_manager", "short_name_mode",
                "tls_min_version", "default_transport", "log_level", "storage_driver", "plugin_dir",
                NULL};

        return g_strv_contains(keys, option->key);
}

/* What `crio config` prints loads again to the same values. */
static void test_round_trip(Fixture *fixture, const void *data) {
        g_autoptr(Config) config = config_new();
        g_autoptr(Config) loaded = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        g_autofree char *defaults = NULL;

        for (unsigned i = 0; i < config_options.count; i++)
                if (!is_choice(&config_options.options[i]))
                        change(&config_options.options[i], config);
        for (unsigned i = 0; i < handler_options.count; i++)
                change(&handler_options.options[i], config->runtimes->pdata[0]);
        text = config_print(config, false);
        write_file(fixture, "crio.conf", text);
        loaded = load(fixture, "", &error);
        g_assert_no_error(error);
        for (unsigned i = 0; i < config_options.count; i++)
                if (!option_is_equal(&config_options.options[i], config, loaded))
                        g_error("%s got lost", config_options.options[i].key);
        for (unsigned i = 0; i < handler_options.count; i++)
                if (!option_is_equal(&handler_options.options[i], config->runtimes->pdata[0],
                            loaded->runtimes->pdata[0]))
                        g_error("handler's %s got lost", handler_options.options[i].key);
        defaults = config_print(loaded, true);
        write_file(fixture, "crio.conf", defaults);
        config_unref(g_steal_pointer(&loaded));
        loaded = load(fixture, "", &error);
        g_assert_no_error(error);
}

/* The line that minikube looks for. */
static void test_minikube(Fixture *fixture, const void *data) {
        g_autoptr(Config) standard = config_new();
        g_autoptr(Config) config = load(fixture, "--cgroup-manager cgroupfs", NULL);
        g_autofree char *quiet = config_print(standard, false);
        g_autofree char *loud = config_print(config, false);

        g_assert_nonnull(strstr(quiet, "\n# cgroup_manager = \"systemd\"\n"));
        g_assert_nonnull(strstr(loud, "\ncgroup_manager = \"cgroupfs\"\n"));
}

static void test_without_effect(Fixture *fixture, const void *data) {
        g_autoptr(Config) config = load(fixture, "--enable-metrics --log-level debug", NULL);
        g_autofree char *names = config_list_without_effect(config);

        g_assert_cmpstr(names, ==, "enable_metrics");
}

#define ADD(name, test) g_test_add("/config/" name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        ADD("order", test_order);
        ADD("merge", test_merge);
        ADD("refuses", test_refuses);
        ADD("flags", test_flags);
        ADD("round-trip", test_round_trip);
        ADD("minikube", test_minikube);
        ADD("without-effect", test_without_effect);
        return g_test_run();
}
