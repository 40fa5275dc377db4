/* SPDX-License-Identifier: Apache-2.0 */
#include "network/network.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "host/namespace.h"
#include "network/cni-args.h"
#include "network/cni-cache.h"
#include "network/cni-list.h"
#include "network/cni-result.h"
#include "network/network-private.h"

#define CACHE_DIR "/var/lib/cni/results"
#define INTERFACE "eth0"
#define ADD_SECONDS 300
#define DEL_SECONDS 60

void network_result_clear(NetworkResult *result) {
        g_clear_pointer(&result->ips, g_strfreev);
        g_clear_pointer(&result->result_json, g_free);
}

/* A read-only system may have no place for them; then they are simply empty. */
static void make_dirs(const Network *network) {
        g_autoptr(GError) failure = NULL;

        if (!dir_make(AT_FDCWD, network->config_dir, 0755, &failure))
                log_warning("ignoring: CNI configuration: %s", failure->message);
        for (unsigned i = 0; network->plugin_dirs[i]; i++) {
                g_clear_error(&failure);
                if (!dir_make(AT_FDCWD, network->plugin_dirs[i], 0755, &failure))
                        log_warning("ignoring: CNI plugins: %s", failure->message);
        }
}

Network *network_new(const NetworkOptions *options, GError **error) {
        int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        Network *network;

        if (stop_fd < 0) {
                fail_errno(error, "set up the network");
                return NULL;
        }
        network = g_new0(Network, 1);
        network->stop_fd = stop_fd;
        network->config_dir = g_strdup(options->config_dir);
        network->plugin_dirs = g_strdupv((char **) options->plugin_dirs);
        network->default_network = g_strdup(options->default_network ? options->default_network
                                                                     : "");
        network->cache_dir = g_strdup(options->cache_dir ? options->cache_dir : CACHE_DIR);
        network->owner = g_strdup(options->owner ? options->owner : "crio");
        network->daemon_args = g_strdup(g_getenv("CNI_ARGS"));
        lock_init(&network->lock, LOCK_RANK_LEAF);
        condition_init(&network->gate);
        make_dirs(network);
        network_ready_init(network);
        return network;
}

void network_free(Network *network) {
        if (!network)
                return;
        network_ready_clear(network);
        fd_close(network->stop_fd);
        pthread_cond_destroy(&network->gate);
        lock_clear(&network->lock);
        g_free(network->config_dir);
        g_strfreev(network->plugin_dirs);
        g_free(network->default_network);
        g_free(network->cache_dir);
        g_free(network->owner);
        g_free(network->daemon_args);
        g_free(network);
}

/* The gate: any number of ADDs and DELs, or one GC. */
static void gate_enter(Network *network) {
        lock_guard(&network->lock);
        while (network->collecting)
                lock_wait(&network->lock, &network->gate, 0);
        network->running++;
}

static void gate_leave(Network *network) {
        lock_guard(&network->lock);
        network->running--;
        pthread_cond_broadcast(&network->gate);
}

static void gate_close(Network *network) {
        lock_guard(&network->lock);
        while (network->collecting)
                lock_wait(&network->lock, &network->gate, 0);
        network->collecting = true;
        while (network->running > 0)
                lock_wait(&network->lock, &network->gate, 0);
}

static void gate_open(Network *network) {
        lock_guard(&network->lock);
        network->collecting = false;
        pthread_cond_broadcast(&network->gate);
}

/* One attachment while a verb runs over it: its list, its entry, and the call made of both. */
typedef struct Attachment {
        CniConfig *config;
        CniEntry *entry;
        char *args;
        CniCall call;
} Attachment;

static void attachment_clear(Attachment *attachment) {
        g_clear_pointer(&attachment->config, cni_config_unref);
        g_clear_pointer(&attachment->entry, cni_entry_free);
        g_clear_pointer(&attachment->args, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Attachment, attachment_clear)

static void prepare_call(const Network *network, Attachment *attachment, gint64 seconds) {
        const CniEntry *entry = attachment->entry;

        if (!attachment->args)
                attachment->args = cni_args_print(entry->args);
        attachment->call = (CniCall) {
                .container_id = entry->container_id,
                .netns = entry->netns ? entry->netns : "",
                .ifname = entry->ifname,
                .args = attachment->args,
                .plugin_dirs = (const char *const *) network->plugin_dirs,
                .deadline_usec = clock_deadline_usec(seconds),
        };
}

/* An entry from what the sandbox says now. */
static CniEntry *entry_new(const Network *network, const CniConfig *config,
                           const NetworkSandbox *sandbox, GError **error) {
        g_autoptr(CniEntry) entry = g_new0(CniEntry, 1);

        entry->network = g_strdup(config->name);
        entry->container_id = g_strdup(sandbox->id);
        entry->ifname = g_strdup(INTERFACE);
        entry->netns = g_strdup(sandbox->netns ? sandbox->netns : "");
        entry->config = g_strdup(config->text);
        entry->owner = g_strdup(network->owner);
        entry->args = cni_args_build(sandbox, network->daemon_args, error);
        if (!entry->args)
                return NULL;
        entry->capabilities = cni_capabilities_build(sandbox, error);
        if (!entry->capabilities)
                return NULL;
        return g_steal_pointer(&entry);
}

/* DEL, and the entry goes with it when nothing is left. */
static bool delete_attachment(Network *network, Attachment *attachment, GError **error) {
        const CniEntry *entry = attachment->entry;
        g_autofree char *file = cni_cache_file(entry->network, entry->container_id, entry->ifname);

        prepare_call(network, attachment, DEL_SECONDS);
        if (!entry->netns || !namespace_is_pinned(entry->netns))
                attachment->call.netns = "";
        return cni_list_delete(attachment->config, &attachment->call, entry->capabilities,
                               entry->result, error) &&
               cni_cache_remove(network->cache_dir, file, error);
}

static bool add_attachment(Network *network, Attachment *attachment, NetworkResult *ret_result,
                           GError **error) {
        CniEntry *entry = attachment->entry;
        g_auto(GStrv) ips = NULL;
        g_autofree char *text = NULL;

        prepare_call(network, attachment, ADD_SECONDS);
        if (!cni_list_add(attachment->config, &attachment->call, entry->capabilities,
                          &entry->result, &text, error))
                return false;
        ips = cni_result_addresses(entry->result, error);
        if (!ips || !cni_cache_store(network->cache_dir, entry, error))
                return false;
        ret_result->ips = g_steal_pointer(&ips);
        ret_result->result_json = json_print(entry->result, NULL);
        return true;
}

bool network_join(Network *network, const NetworkSandbox *sandbox, NetworkResult *ret_result,
                  GError **error) {
        g_auto(Attachment) attachment = { 0 };
        g_autoptr(GError) failure = NULL;
        g_autofree char *reason = NULL;
        bool joined;

        if (!cni_name_is_valid(sandbox->id))
                return fail(error, ERROR_INVALID_ARGUMENT, "\"%s\" cannot be the id of a sandbox",
                            sandbox->id);
        attachment.config = network_find_current(network, &reason);
        if (!attachment.config)
                return fail(error, ERROR_UNAVAILABLE, "%s", reason);
        attachment.entry = entry_new(network, attachment.config, sandbox, error);
        /* On record before it runs, so that whoever comes after a crash knows what to release. */
        if (!attachment.entry || !cni_cache_store(network->cache_dir, attachment.entry, error))
                return false;

        gate_enter(network);
        joined = add_attachment(network, &attachment, ret_result, error);
        if (!joined && !delete_attachment(network, &attachment, &failure))
                log_warning("sandbox %s: release after a failed ADD is owed: %s", sandbox->id,
                            failure->message);
        gate_leave(network);
        return joined;
}

/* The list that the entry was made with; where it cannot be read, the network of that name, or the
 * default. */
static CniConfig *find_config(Network *network, const CniEntry *entry, const char *name) {
        CniConfig *config = NULL;

        if (entry && entry->config)
                config = cni_config_parse(entry->config, strlen(entry->config), name, NULL);
        if (!config)
                config = network_find_named(network, name);
        if (!config)
                config = network_find_default(network);
        return config;
}

/* Fill the gaps of @entry, or make one, from what is known about the sandbox. */
static CniEntry *complete_entry(Network *network, const CniConfig *config, CniEntry *take_entry,
                                const NetworkSandbox *sandbox) {
        g_autoptr(CniEntry) entry = take_entry;
        g_autoptr(CniEntry) made = NULL;
        NetworkSandbox plain = { .id = sandbox->id, .netns = sandbox->netns };

        if (entry && entry->container_id) {
                /* The caller knows better where the namespace is now, or that it is gone. */
                g_free(entry->netns);
                entry->netns = g_strdup(sandbox->netns ? sandbox->netns : "");
                return g_steal_pointer(&entry);
        }
        made = entry_new(network, config, sandbox, NULL);
        if (!made)
                made = entry_new(network, config, &plain, NULL);
        if (made && entry)
                made->result = g_steal_pointer(&entry->result);
        return g_steal_pointer(&made);
}

/* @file NULL: nothing is cached, but an ADD may have run before there was a cache. */
static bool leave_one(Network *network, const NetworkSandbox *sandbox, const char *file,
                      GError **error) {
        g_auto(Attachment) attachment = { 0 };
        g_autoptr(CniEntry) entry = NULL;
        g_autoptr(GError) broken = NULL;
        g_autofree char *name = NULL;

        if (file) {
                name = cni_cache_network(file, sandbox->id, INTERFACE);
                entry = cni_cache_load(network->cache_dir, file, &broken);
        }
        if (broken)
                log_warning("ignoring a broken CNI cache entry: %s", broken->message);
        attachment.config = find_config(network, entry, name ? name : "");
        if (attachment.config)
                attachment.entry = complete_entry(network, attachment.config,
                                                  g_steal_pointer(&entry), sandbox);
        if (attachment.entry && !delete_attachment(network, &attachment, error))
                return false;
        return !file || cni_cache_remove(network->cache_dir, file, error);
}

bool network_leave(Network *network, const NetworkSandbox *sandbox, GError **error) {
        g_autoptr(GPtrArray) files = NULL;
        g_autoptr(GError) first = NULL;

        if (!cni_name_is_valid(sandbox->id))
                return true; /* network_join() refused it */
        files = cni_cache_find(network->cache_dir, sandbox->id, INTERFACE, error);
        if (!files)
                return false;
        gate_enter(network);
        if (files->len == 0)
                leave_one(network, sandbox, NULL, &first);
        for (unsigned i = 0; i < files->len; i++) {
                g_autoptr(GError) failure = NULL;

                if (!leave_one(network, sandbox, files->pdata[i], &failure))
                        error_keep_first(&first, &failure);
        }
        gate_leave(network);
        if (!first)
                return true;
        g_propagate_error(error, g_steal_pointer(&first));
        return false;
}

static bool check_one(Network *network, const NetworkSandbox *sandbox, const char *file,
                      GError **error) {
        g_auto(Attachment) attachment = { 0 };
        g_autofree char *name = cni_cache_network(file, sandbox->id, INTERFACE);

        attachment.entry = cni_cache_load(network->cache_dir, file, error);
        if (!attachment.entry)
                return false;
        attachment.config = find_config(network, attachment.entry, name);
        if (!attachment.config)
                return fail(error, ERROR_UNAVAILABLE, "network %s has no configuration", name);
        attachment.entry = complete_entry(network, attachment.config,
                                          g_steal_pointer(&attachment.entry), sandbox);
        prepare_call(network, &attachment, DEL_SECONDS);
        return cni_list_check(attachment.config, &attachment.call, attachment.entry->capabilities,
                              attachment.entry->result, error);
}

bool network_check(Network *network, const NetworkSandbox *sandbox, GError **error) {
        g_autoptr(GPtrArray) files = NULL;
        bool good = true;

        files = cni_cache_find(network->cache_dir, sandbox->id, INTERFACE, error);
        if (!files)
                return false;
        if (files->len == 0)
                return fail(error, ERROR_FAILED_PRECONDITION, "sandbox %s is in no network",
                            sandbox->id);
        gate_enter(network);
        for (unsigned i = 0; i < files->len && good; i++)
                good = check_one(network, sandbox, files->pdata[i], error);
        gate_leave(network);
        return good;
}

static bool is_ours(const Network *network, const CniEntry *entry) {
        return entry->owner && g_str_equal(entry->owner, network->owner);
}

static void collect_one(Network *network, const char *file, IdKnownFunc is_known, void *data) {
        g_auto(Attachment) attachment = { 0 };
        g_autoptr(GError) failure = NULL;

        attachment.entry = cni_cache_load(network->cache_dir, file, NULL);
        if (!attachment.entry || !is_ours(network, attachment.entry) ||
            is_known(attachment.entry->container_id, data))
                return;
        log_info("releasing the CNI attachment %s, whose sandbox is gone", file);
        attachment.config = find_config(network, attachment.entry, attachment.entry->network);
        if (!attachment.config)
                return;
        gate_enter(network);
        if (!delete_attachment(network, &attachment, &failure))
                log_warning("CNI attachment %s stays owed: %s", file, failure->message);
        gate_leave(network);
}

/* All attachments to this network that have an entry, whoever made them. */
static Json *list_valid(const Network *network, const CniConfig *config, GError **error) {
        g_autoptr(GPtrArray) files = dir_list(AT_FDCWD, network->cache_dir, error);
        g_autoptr(Json) valid = json_new_array();

        if (!files)
                return NULL;
        for (unsigned i = 0; i < files->len; i++) {
                const char *file = files->pdata[i];
                g_autoptr(CniEntry) entry = cni_cache_load(network->cache_dir, file, NULL);
                Json *attachment;

                if (!entry || !entry->network || !g_str_equal(entry->network, config->name))
                        continue;
                attachment = json_append(valid, json_new_object());
                json_set_string(attachment, "containerID", entry->container_id);
                json_set_string(attachment, "ifname", entry->ifname);
        }
        return g_steal_pointer(&valid);
}

static void run_gc(Network *network) {
        g_autoptr(CniConfig) config = network_find_default(network);
        CniCall call = { .plugin_dirs = (const char *const *) network->plugin_dirs,
                         .deadline_usec = clock_deadline_usec(DEL_SECONDS) };
        g_autoptr(GError) failure = NULL;
        g_autoptr(Json) valid = NULL;

        if (!config || !cni_list_has_gc(config))
                return;
        gate_close(network);
        valid = list_valid(network, config, &failure);
        if (!valid || !cni_list_gc(config, &call, valid, &failure))
                log_warning("ignoring: CNI garbage collection: %s", failure->message);
        gate_open(network);
}

void network_collect(Network *network, IdKnownFunc is_known, void *data) {
        g_autoptr(GError) failure = NULL;
        g_autoptr(GPtrArray) files = dir_list(AT_FDCWD, network->cache_dir, &failure);

        if (!files)
                log_warning("ignoring: CNI cache: %s", failure->message);
        for (unsigned i = 0; files && i < files->len; i++)
                collect_one(network, files->pdata[i], is_known, data);
        run_gc(network);
}
