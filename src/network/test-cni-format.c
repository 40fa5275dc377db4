/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files, results, cache entries and arguments: what is read from others, and what
 * they read from us. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/tree.h"
#include "network/cni-args.h"
#include "network/cni-cache.h"
#include "network/cni-config.h"
#include "network/cni-list.h"
#include "network/cni-result.h"

static CniConfig *parse(const char *text, GError **error) {
        return cni_config_parse(text, strlen(text), "/net.d/10-x.conflist", error);
}

static Json *json_of(const char *text) {
        return json_parse(text, strlen(text), "test", NULL);
}

static void assert_json(Json *take_json, const char *expected) {
        g_autofree char *text = take_json ? json_print(take_json, NULL) : NULL;

        g_assert_cmpstr(text, ==, expected);
        json_free(take_json);
}

/* Each is refused, and the message names the file. */
static void test_config_hostile(void) {
        static const char *const texts[] = {
                "",
                "[]",
                "{\"name\": \"n\"}",
                "{\"name\": \"n\", \"plugins\": []}",
                "{\"name\": \"n\", \"plugins\": {\"type\": \"bridge\"}}",
                "{\"name\": \"n\", \"plugins\": [\"bridge\"]}",
                "{\"name\": \"n\", \"plugins\": [{}]}",
                "{\"name\": \"n\", \"plugins\": [{\"type\": \"\"}]}",
                "{\"name\": \"n\", \"plugins\": [{\"type\": 7}]}",
                "{\"name\": \"n\", \"plugins\": [{\"type\": \"../../bin/sh\"}]}",
                "{\"name\": \"n\", \"plugins\": [{\"type\": \"a/b\"}]}",
                "{\"name\": \"n\", \"plugins\": [{\"type\": \"..\"}]}",
                "{\"name\": \"n\", \"plugins\": [{\"type\": \".\"}]}",
                "{\"name\": \"n\", \"plugins\": [{\"type\": \"bridge\\u0000x\"}]}",
                "{\"name\": \"n\", \"plugins\": [{\"type\": \"bri\\ndge\"}]}",
                "{\"name\": \"n\", \"plugins\": [{\"type\": \"b\", "
                "\"ipam\": {\"type\": \"../x\"}}]}",
                "{\"name\": \"n\", \"plugins\": [{\"type\": \"b\", \"ipam\": {\"type\": \"\"}}]}",
                "{\"name\": \"n\", \"plugins\": [{\"type\": \"b\", "
                "\"delegate\": {\"type\": \"/x\"}}]}",
                "{\"name\": \"n\", \"type\": \"../x\"}",
                "{\"name\": \"../n\", \"plugins\": [{\"type\": \"bridge\"}]}",
                "{\"name\": \".n\", \"plugins\": [{\"type\": \"bridge\"}]}",
                "{\"name\": \"n\", \"cniVersion\": \"1.2.0\", \"type\": \"bridge\"}",
                "{\"name\": \"n\", \"cniVersion\": \"one\", \"type\": \"bridge\"}",
                "{\"name\": \"n\", \"cniVersions\": [\"2.0.0\"], \"plugins\": [{\"type\": \"b\"}]}",
                "{\"name\": \"n\", \"disableGC\": 3, \"plugins\": [{\"type\": \"bridge\"}]}",
                "{\"name\": \"n\", \"type\": \"b\", \"type\": \"c\"}",
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(CniConfig) config = parse(texts[i], &error);

                g_test_message("%s", texts[i]);
                g_assert_null(config);
                g_assert_nonnull(error);
                g_assert_nonnull(strstr(error->message, "10-x.conflist"));
        }
}

static void test_config_good(void) {
        static const struct {
                const char *text, *name, *version, *types;
        } rows[] = {
                { "{\"name\":\"n\",\"cniVersion\":\"0.3.1\",\"plugins\":[{\"type\":\"a\"},"
                  "{\"type\":\"b\",\"ipam\":{}}]}",
                  "n", "0.3.1", "a b" },
                { "{\"name\":\"n\",\"cniVersion\":\"0.4.0\",\"type\":\"a\"}", "n", "0.4.0", "a" },
                { "{\"type\":\"a\"}", "10-x.conflist", "0.1.0", "a" },
                { "{\"name\":\"n\",\"cniVersion\":\"\",\"type\":\"a\"}", "n", "0.1.0", "a" },
                { "{\"name\":\"n\",\"cniVersion\":\"0.4.0\",\"cniVersions\":[\"1.1.0\",\"1.0.0\","
                  "\"1.2.0\"],\"plugins\":[{\"type\":\"a\"}]}",
                  "n", "1.1.0", "a" },
                { "{\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"cniVersions\":[\"0.4.0\"],"
                  "\"plugins\":[{\"type\":\"a\"}]}",
                  "n", "1.0.0", "a" },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(CniConfig) config = parse(rows[i].text, &error);
                g_autoptr(GString) types = g_string_new(NULL);

                g_assert_no_error(error);
                for (size_t p = 0; p < cni_config_length(config); p++)
                        g_string_append_printf(types, "%s%s", p ? " " : "",
                                               cni_config_type(config, p));
                g_assert_cmpstr(config->name, ==, rows[i].name);
                g_assert_cmpstr(config->version, ==, rows[i].version);
                g_assert_cmpstr(types->str, ==, rows[i].types);
        }
}

static void test_config_flags(void) {
        g_autoptr(CniConfig) config = parse("{\"name\":\"n\",\"disableCheck\":\"true\","
                                            "\"disableGC\":true,\"plugins\":[{\"type\":"
                                            "\"loopback\"}]}",
                                            NULL);
        g_autoptr(CniConfig) plain = parse("{\"name\":\"n\",\"disableCheck\":\"false\","
                                           "\"plugins\":[{\"type\":\"loopback\"},"
                                           "{\"type\":\"a\"}]}",
                                           NULL);

        g_assert_true(config->disable_check && config->disable_gc);
        g_assert_false(plain->disable_check || plain->disable_gc);
        g_assert_true(cni_config_is_loopback(config));
        g_assert_false(cni_config_is_loopback(plain));
}

/* Unknown members go through, capabilities turn into the arguments that were asked for. */
static void test_request(void) {
        g_autoptr(CniConfig) config = parse(
                "{\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"a\","
                "\"odd\":{\"x\":[1.50,null]},\"capabilities\":{\"bandwidth\":true,\"aliases\":"
                "true,\"cgroupPath\":false}}]}",
                NULL);
        g_autoptr(Json) capabilities = json_of("{\"bandwidth\":{\"ingressRate\":5},"
                                               "\"cgroupPath\":\"/x\"}");
        g_autoptr(Json) result = json_of("{\"cniVersion\":\"1.0.0\",\"new\":1}");
        g_autofree char *text = cni_list_request(config, 0, capabilities, result);

        g_assert_cmpstr(text, ==,
                        "{\"type\":\"a\",\"odd\":{\"x\":[1.50,null]},\"runtimeConfig\":"
                        "{\"bandwidth\":{\"ingressRate\":5}},\"name\":\"n\",\"cniVersion\":"
                        "\"1.0.0\",\"prevResult\":{\"cniVersion\":\"1.0.0\",\"new\":1}}");
}

static void test_config_folder(void) {
        g_autofree char *dir = g_dir_make_tmp("cni-format-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(dir, "10-n.conflist", NULL);
        g_autofree char *folder = g_build_filename(dir, "n", NULL);
        g_autofree char *first = g_build_filename(folder, "10-b.conf", NULL);
        g_autofree char *other = g_build_filename(folder, "05-c.json", NULL);
        g_autoptr(CniConfig) config = NULL, again = NULL, inlined = NULL;

        g_mkdir(folder, 0755);
        g_file_set_contents(path, "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\"}]}", -1, NULL);
        g_file_set_contents(first, "{\"type\":\"b\"}", -1, NULL);
        g_file_set_contents(other, "{\"type\":\"c\"}", -1, NULL);
        config = cni_config_load(path, NULL);
        g_assert_cmpuint(cni_config_length(config), ==, 2);
        g_assert_cmpstr(cni_config_type(config, 1), ==, "b");
        again = parse(config->text, NULL);
        g_assert_cmpuint(cni_config_length(again), ==, 2);

        g_file_set_contents(first, "{\"type\":\"../b\"}", -1, NULL);
        g_assert_null(cni_config_load(path, NULL));
        g_file_set_contents(path,
                            "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true,"
                            "\"plugins\":[{\"type\":\"a\"}]}",
                            -1, NULL);
        inlined = cni_config_load(path, NULL);
        g_assert_cmpuint(cni_config_length(inlined), ==, 1);
        g_assert_true(tree_remove(AT_FDCWD, dir, NULL));
}

static Json *result_as(const char *text, const char *version) {
        return cni_result_parse(text, strlen(text), version, "result", NULL);
}

static void test_result_convert(void) {
        const char *pair = "{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.0.2/24\",\"gateway\":"
                           "\"10.0.0.1\",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]},\"ip6\":{\"ip\":"
                           "\"fd00::2/64\"},\"dns\":{\"domain\":\"d\"}}";
        const char *plain = "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"eth0\"}],"
                            "\"ips\":[{\"address\":\"10.0.0.2/24\",\"interface\":0}]}";

        /* The same version: nothing is touched. */
        assert_json(result_as("{\"cniVersion\":\"1.0.0\",\"odd\":1,\"ips\":[]}", "1.0.0"),
                    "{\"cniVersion\":\"1.0.0\",\"odd\":1,\"ips\":[]}");
        /* No version: the list's. */
        assert_json(result_as("{\"ips\":[]}", "1.0.0"), "{\"ips\":[],\"cniVersion\":\"1.0.0\"}");
        assert_json(result_as(pair, "1.0.0"),
                    "{\"cniVersion\":\"1.0.0\",\"dns\":{\"domain\":\"d\"},\"ips\":[{\"address\":"
                    "\"10.0.0.2/24\",\"gateway\":\"10.0.0.1\"},{\"address\":\"fd00::2/64\"}],"
                    "\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}");
        assert_json(result_as(plain, "0.4.0"),
                    "{\"cniVersion\":\"0.4.0\",\"interfaces\":[{\"name\":\"eth0\"}],\"ips\":"
                    "[{\"address\":\"10.0.0.2/24\",\"interface\":0,\"version\":\"4\"}]}");
        assert_json(result_as("{\"cniVersion\":\"0.3.1\",\"ips\":[{\"version\":\"4\",\"address\":"
                              "\"10.0.0.2/24\"}]}",
                              "1.1.0"),
                    "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.2/24\"}]}");
        assert_json(result_as("{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.2/24\","
                              "\"gateway\":\"10.0.0.1\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\","
                              "\"gw\":\"10.0.0.1\"},{\"dst\":\"::/0\"}]}",
                              "0.2.0"),
                    "{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.0.2/24\",\"gateway\":"
                    "\"10.0.0.1\",\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.0.0.1\"}]}}");
}

static void test_result_hostile(void) {
        static const char *const texts[] = {
                "",
                "[]",
                "null",
                "{\"cniVersion\":\"9.0.0\"}",
                "{\"cniVersion\":\"x\"}",
                "{\"cniVersion\":\"1.0.0\",\"ips\":[{}]}",
                "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.2\"}]}",
                "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.2/33\"}]}",
                "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.2/x\"}]}",
                "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.999/24\"}]}",
                "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"$(id)/24\"}]}",
                "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"fd00::2/129\"}]}",
                "{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.0.2;x/24\"}}",
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Json) result = cni_result_parse(texts[i], strlen(texts[i]), "1.0.0",
                                                          "result", &error);

                g_test_message("%s", texts[i]);
                g_assert_null(result);
                g_assert_nonnull(error);
        }
}

static void test_result_addresses(void) {
        g_autoptr(Json) plain = json_of("{\"ips\":[{\"address\":\"fd00:0:0::2/64\"},"
                                        "{\"address\":\"10.0.0.2/24\"}]}");
        g_autoptr(Json) pair = json_of("{\"ip6\":{\"ip\":\"fd00::2/64\"},\"ip4\":{\"ip\":"
                                       "\"10.0.0.2/24\"}}");
        g_auto(GStrv) first = cni_result_addresses(plain, NULL);
        g_auto(GStrv) second = cni_result_addresses(pair, NULL);
        g_autofree char *first_text = g_strjoinv(" ", first);
        g_autofree char *second_text = g_strjoinv(" ", second);

        g_assert_cmpstr(first_text, ==, "fd00::2 10.0.0.2");
        g_assert_cmpstr(second_text, ==, "10.0.0.2 fd00::2");
}

static void test_cache(void) {
        g_autofree char *dir = g_dir_make_tmp("cni-cache-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(dir, "my-net-abc-eth0", NULL);
        g_autofree char *text = NULL, *network = NULL;
        g_autoptr(Json) args = json_of("[[\"IgnoreUnknown\",\"1\"],[\"K\",\"v\"]]");
        g_autoptr(Json) result = json_of("{\"cniVersion\":\"1.0.0\",\"ips\":[]}");
        CniEntry entry = { .network = "my-net", .container_id = "abc", .ifname = "eth0",
                           .netns = "/run/netns/x", .config = "{\"name\":\"my-net\"}",
                           .owner = "crio", .args = args, .result = result };
        g_autoptr(GPtrArray) files = NULL;
        g_autoptr(CniEntry) back = NULL;

        g_assert_true(cni_cache_store(dir, &entry, NULL));
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_cmpstr(text, ==,
                        "{\"kind\":\"cniCacheV1\",\"containerId\":\"abc\",\"config\":"
                        "\"eyJuYW1lIjoibXktbmV0In0=\",\"ifName\":\"eth0\",\"networkName\":"
                        "\"my-net\",\"netns\":\"/run/netns/x\",\"crio\":\"crio\",\"cniArgs\":"
                        "[[\"IgnoreUnknown\",\"1\"],[\"K\",\"v\"]],\"result\":{\"cniVersion\":"
                        "\"1.0.0\",\"ips\":[]}}");

        files = cni_cache_find(dir, "abc", "eth0", NULL);
        g_assert_cmpuint(files->len, ==, 1);
        network = cni_cache_network(files->pdata[0], "abc", "eth0");
        g_assert_cmpstr(network, ==, "my-net");
        back = cni_cache_load(dir, files->pdata[0], NULL);
        g_assert_cmpstr(back->config, ==, entry.config);
        g_assert_cmpstr(back->owner, ==, "crio");
        g_assert_cmpuint(json_length(back->args), ==, 2);
        assert_json(json_copy(back->result), "{\"cniVersion\":\"1.0.0\",\"ips\":[]}");
        g_assert_true(cni_cache_remove(dir, files->pdata[0], NULL));
        g_assert_true(cni_cache_remove(dir, files->pdata[0], NULL));
        g_assert_true(tree_remove(AT_FDCWD, dir, NULL));
}

static void test_cache_old_and_broken(void) {
        static const char *const broken[] = {
                "", "{", "[]", "{\"kind\":\"cniCacheV9\"}", "{\"kind\":\"cniCacheV1\"}",
                "{\"kind\":\"cniCacheV1\",\"containerId\":\"a\",\"networkName\":\"n\",\"ifName\":"
                "\"eth0\",\"config\":\"\"}",
                "{\"kind\":\"cniCacheV1\",\"containerId\":\"a\",\"networkName\":\"n\",\"ifName\":"
                "\"eth0\",\"config\":\"YQBi\"}",
        };
        g_autofree char *dir = g_dir_make_tmp("cni-cache-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(dir, "n-a-eth0", NULL);
        g_autoptr(CniEntry) old = NULL;

        for (unsigned i = 0; i < G_N_ELEMENTS(broken); i++) {
                g_autoptr(GError) error = NULL;

                g_file_set_contents(path, broken[i], -1, NULL);
                g_assert_null(cni_cache_load(dir, "n-a-eth0", &error));
                g_assert_nonnull(error);
        }
        g_file_set_contents(path, "{\"cniVersion\":\"0.4.0\",\"ips\":[]}", -1, NULL);
        old = cni_cache_load(dir, "n-a-eth0", NULL);
        g_assert_nonnull(old->result);
        g_assert_null(old->container_id);
        g_assert_true(tree_remove(AT_FDCWD, dir, NULL));
}

static void test_args(void) {
        NetworkSandbox sandbox = { .id = "abc", .pod_name = "p", .pod_namespace = "ns" };
        g_autoptr(GError) error = NULL;
        g_autoptr(Json) args = cni_args_build(&sandbox, "IP=10.0.0.9;=x;odd;MAC=1=2", NULL);
        g_autofree char *text = cni_args_print(args);

        g_assert_cmpstr(text, ==,
                        "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=p;"
                        "K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=;IP=10.0.0.9;MAC=1=2");
        sandbox.pod_name = "p;IP=10.0.0.1";
        g_assert_null(cni_args_build(&sandbox, NULL, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
}

static void test_capabilities(void) {
        const char *annotations[] = { "kubernetes.io/ingress-bandwidth", "10M", "a", "b",
                                      "kubernetes.io/egress-bandwidth", "1Ki", NULL };
        NetworkSandbox sandbox = { .id = "abc", .cgroup_parent = "/kubepods/x",
                                   .annotations = annotations };
        NetworkSandbox bare = { .id = "abc" };
        g_autoptr(GError) error = NULL;

        assert_json(cni_capabilities_build(&sandbox, NULL),
                    "{\"io.kubernetes.cri.pod-annotations\":{\"kubernetes.io/ingress-bandwidth\":"
                    "\"10M\",\"a\":\"b\",\"kubernetes.io/egress-bandwidth\":\"1Ki\"},"
                    "\"bandwidth\":{\"ingressRate\":10000000,\"ingressBurst\":34359738360,"
                    "\"egressRate\":1024,\"egressBurst\":34359738360},"
                    "\"cgroupPath\":\"/kubepods/x\"}");
        assert_json(cni_capabilities_build(&bare, NULL),
                    "{\"io.kubernetes.cri.pod-annotations\":{}}");
        annotations[1] = "fast";
        g_assert_null(cni_capabilities_build(&sandbox, &error));
        g_assert_error(error, ERROR_DOMAIN, ERROR_INVALID_ARGUMENT);
}

static void test_quantity(void) {
        static const struct {
                const char *text;
                gint64 value; /* -1: none */
        } rows[] = {
                { "0", 0 }, { "10", 10 }, { "10M", 10000000 }, { "1.5k", 1500 }, { "1Gi", 1 << 30 },
                { "1e6", 1000000 }, { "1E3", 1000 }, { "2500m", 3 }, { "", -1 }, { "M", -1 },
                { "0x10", -1 }, { "inf", -1 }, { "nan", -1 }, { "10 M", -1 }, { "10MM", -1 },
                { " 10", -1 }, { "10E", -1 }, { "1e400", -1 },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
                gint64 value = -1;

                g_test_message("%s", rows[i].text);
                g_assert_cmpint(cni_quantity_parse(rows[i].text, &value), ==, rows[i].value >= 0);
                g_assert_cmpint(value, ==, rows[i].value);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cni-config/hostile", test_config_hostile);
        g_test_add_func("/cni-config/good", test_config_good);
        g_test_add_func("/cni-config/flags", test_config_flags);
        g_test_add_func("/cni-config/folder", test_config_folder);
        g_test_add_func("/cni-config/request", test_request);
        g_test_add_func("/cni-result/convert", test_result_convert);
        g_test_add_func("/cni-result/hostile", test_result_hostile);
        g_test_add_func("/cni-result/addresses", test_result_addresses);
        g_test_add_func("/cni-cache/round-trip", test_cache);
        g_test_add_func("/cni-cache/old-and-broken", test_cache_old_and_broken);
        g_test_add_func("/cni-args/pairs", test_args);
        g_test_add_func("/cni-args/capabilities", test_capabilities);
        g_test_add_func("/cni-args/quantity", test_quantity);
        return g_test_run();
}
