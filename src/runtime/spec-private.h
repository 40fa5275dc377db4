/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SpecBuild - what the spec-*.c files share while one spec is built.
 *
 * Owner    spec_build(), on its stack. Everything is borrowed but the descriptor and the result.
 */

#include "runtime/spec.h"
#include "runtime/user.h"

typedef struct SpecBuild {
        const SpecRequest *request;
        const CriContainerConfig *wish;                   /* never NULL */
        const CriLinuxContainerSecurityContext *security; /* never NULL */
        const CriLinuxContainerResources *resources;      /* NULL: none asked for */
        bool privileged;
        bool infra;
        int root_dfd; /* request->rootfs */
        User user;
        const char *cwd;   /* borrowed from the tree */
        const char *home;  /* borrowed from the tree */
        GPtrArray *mounts; /* Json objects until they are sorted in */
        Json *spec;
        SpecResult *result;
} SpecBuild;

/* in the order in which spec_build() calls them */
bool spec_add_process(SpecBuild *build, GError **error);
bool spec_add_mounts(SpecBuild *build, GError **error);
bool spec_add_devices(SpecBuild *build, GError **error);
bool spec_add_resources(SpecBuild *build, GError **error);
bool spec_add_security(SpecBuild *build, GError **error);
bool spec_add_annotations(SpecBuild *build, GError **error);

/* spec-process.c */
bool spec_add_identity(SpecBuild *build, GError **error);
bool spec_make_args(const SpecBuild *build, GStrv *ret_args, GError **error);
bool spec_check_process(const SpecBuild *build, GError **error);

/* spec-image.c: what is made inside the rootfs or because of what it holds */
bool spec_make_working_dir(SpecBuild *build, GError **error);
void spec_make_mtab(SpecBuild *build);
bool spec_add_passwd(SpecBuild *build, GError **error);
bool spec_add_image_volumes(SpecBuild *build, GError **error);
bool spec_check_rootfs(const SpecBuild *build, GError **error);

/* spec-bind.c: the mounts of the wish */
bool spec_add_wish_mounts(SpecBuild *build, GError **error);

/* spec-mounts.c */
bool spec_wish_mounts_at(const SpecBuild *build, const char *path);
void spec_push_mount(SpecBuild *build, const char *target, const char *type, const char *source,
        const char *options);
/* Absolute, without control bytes, cleaned of "." and ".." by words alone; NULL with
 * INVALID_ARGUMENT. */
char *spec_clean_path(const char *what, const char *path, GError **error);

/* spec-seccomp.c */
bool spec_add_seccomp(SpecBuild *build, GError **error);

/* spec-resources.c */
Json *spec_make_resources(
        const CriLinuxContainerResources *resources, const char *cgroup_path, GError **error);
bool spec_check_resources(const SpecBuild *build, GError **error);

/* spec-annotations.c: whether @key may reach the runtime */
bool spec_annotation_is_allowed(const Runtime *runtime, const char *key);

Json *spec_linux(SpecBuild *build);
