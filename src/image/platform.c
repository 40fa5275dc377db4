/* SPDX-License-Identifier: Apache-2.0 */
#include "image/platform.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/error.h"
#include "base/file.h"

#define LISTED_LIMIT 20

static const char *const machines[][2] = {
        { "x86_64", "amd64" },    { "aarch64", "arm64" }, { "i386", "386" },
        { "i686", "386" },        { "riscv64", "riscv64" }, { "ppc64le", "ppc64le" },
        { "s390x", "s390x" },     { "mips64", "mips64le" }, { "loongarch64", "loong64" },
};

/* Most capable first; what runs one runs all that follow. */
static const char *const arm_variants[] = { "v8", "v7", "v6", "v5", NULL };
static const char *const arm64_variants[] = { "v8", NULL };
static const char *const no_variants[] = { NULL };

static const char *const *variants_of(const char *architecture) {
        if (g_str_equal(architecture, "arm"))
                return arm_variants;
        return g_str_equal(architecture, "arm64") ? arm64_variants : no_variants;
}

static const char *own_architecture(void) {
        struct utsname name;

        uname(&name);
        for (unsigned i = 0; i < G_N_ELEMENTS(machines); i++)
                if (g_str_equal(name.machine, machines[i][0]))
                        return machines[i][1];
        return g_str_has_prefix(name.machine, "arm") ? "arm" : g_intern_string(name.machine);
}

static const char *own_variant(const char *architecture) {
        g_autofree char *text = NULL;
        const char *line;

        if (*variants_of(architecture) == NULL)
                return "";
        text = file_read_line(AT_FDCWD, "/proc/cpuinfo");
        line = text ? strstr(text, "CPU architecture") : NULL;
        line = line ? strchr(line, ':') : NULL;
        if (!line)
                return "";
        switch (g_ascii_strtoull(line + 1, NULL, 10)) {
        case 8:
                return "v8";
        case 7:
                return strstr(text, "ARMv6-compatible") ? "v6" : "v7";
        case 6:
                return "v6";
        case 5:
                return "v5";
        default: /* not an enum of ours */
                return "";
        }
}

Platform *platform_new(const char *os, const char *architecture, const char *variant) {
        Platform *platform = g_new0(Platform, 1);
        bool own = !architecture || !*architecture;

        platform->os = g_strdup(os && *os ? os : "linux");
        platform->architecture = g_strdup(own ? own_architecture() : architecture);
        if (variant && *variant)
                platform->variant = g_strdup(variant);
        else
                platform->variant = g_strdup(own ? own_variant(platform->architecture) : "");
        return platform;
}

void platform_free(Platform *platform) {
        if (!platform)
                return;
        g_free(platform->os);
        g_free(platform->architecture);
        g_free(platform->variant);
        g_free(platform);
}

static char *print(const char *os, const char *architecture, const char *variant) {
        return g_strconcat(os, "/", architecture, *variant ? "/" : "", variant, NULL);
}

char *platform_print(const Platform *platform) {
        return print(platform->os, platform->architecture, platform->variant);
}

/* The acceptable variants, best first. */
static GPtrArray *wanted_variants(const Platform *platform) {
        const char *const *all = variants_of(platform->architecture);
        GPtrArray *wanted = g_ptr_array_new();
        bool known = *platform->variant;
        bool found = false;

        g_ptr_array_add(wanted, (void *) platform->variant);
        for (unsigned i = 0; all[i]; i++) {
                if (!known || found)
                        g_ptr_array_add(wanted, (void *) all[i]);
                found |= g_str_equal(all[i], platform->variant);
        }
        if (known)
                g_ptr_array_add(wanted, (void *) "");
        return wanted;
}

/* Lower is better; G_MAXUINT: not for us. */
static guint rank(const Platform *platform, const GPtrArray *wanted, const Manifest *index,
                  const ManifestEntry *entry) {
        if (!entry->has_platform)
                return index->is_docker ? G_MAXUINT : G_MAXUINT - 1;
        if (!g_str_equal(entry->os, platform->os) ||
            !g_str_equal(entry->architecture, platform->architecture))
                return G_MAXUINT;
        for (guint i = 0; i < wanted->len; i++)
                if (g_str_equal(entry->variant, wanted->pdata[i]))
                        return i;
        return G_MAXUINT;
}

static bool fail_platform(const Platform *platform, const Manifest *index, GError **error) {
        g_autofree char *wanted = platform_print(platform);
        g_autoptr(GString) list = g_string_new(NULL);

        for (unsigned i = 0; i < index->n_entries && i < LISTED_LIMIT; i++) {
                const ManifestEntry *entry = &index->entries[i];
                g_autofree char *one = print(entry->os, entry->architecture, entry->variant);

                g_string_append_printf(list, "%s%.60s", i ? ", " : "", one);
        }
        return fail(error, ERROR_NOT_FOUND, "there is no image for %s in the list, which has: %s",
                    wanted, list->len ? list->str : "nothing");
}

const ManifestEntry *platform_choose(const Platform *platform, const Manifest *index,
                                     GError **error) {
        g_autoptr(GPtrArray) wanted = wanted_variants(platform);
        const ManifestEntry *best = NULL;
        guint best_rank = G_MAXUINT;

        for (unsigned i = 0; i < index->n_entries; i++) {
                const ManifestEntry *entry = &index->entries[i];
                guint found = rank(platform, wanted, index, entry);

                if (found > best_rank || found == G_MAXUINT)
                        continue;
                if (best && found == best_rank &&
                    (index->is_docker || best->is_zstd || !entry->is_zstd))
                        continue;
                best = entry;
                best_rank = found;
        }
        if (!best)
                fail_platform(platform, index, error);
        return best;
}
