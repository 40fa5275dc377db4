/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "image/confine.h"

#if defined(__x86_64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#define NUMBER_LIMIT 0x40000000 /* from here on: the x32 table */
#elif defined(__aarch64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#define NUMBER_LIMIT 0xffffffff
#endif

/* Not in the headers of the oldest system that we build on; the same everywhere. */
#define NR_PIDFD_SEND_SIGNAL 424
#define NR_IO_URING_SETUP 425
#define NR_IO_URING_ENTER 426
#define NR_IO_URING_REGISTER 427
#define NR_OPEN_TREE 428
#define NR_MOVE_MOUNT 429
#define NR_FSOPEN 430
#define NR_FSCONFIG 431
#define NR_FSMOUNT 432
#define NR_FSPICK 433
#define NR_PIDFD_OPEN 434
#define NR_PIDFD_GETFD 438
#define NR_PROCESS_MADVISE 440
#define NR_MOUNT_SETATTR 442
#define NR_QUOTACTL_FD 443
#define NR_PROCESS_MRELEASE 448

#ifdef OUR_ARCHITECTURE

/* What no pull does: run, mount, trace, signal, change identity or namespace, load code into the
 * kernel. */
static const guint32 refused[] = {
        SYS_execve, SYS_execveat,
        SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns,
        NR_OPEN_TREE, NR_MOVE_MOUNT, NR_FSOPEN, NR_FSCONFIG, NR_FSMOUNT, NR_FSPICK,
        NR_MOUNT_SETATTR,
        SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, NR_PIDFD_GETFD,
        NR_PROCESS_MADVISE, NR_PROCESS_MRELEASE, NR_PIDFD_OPEN,
        SYS_kill, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, NR_PIDFD_SEND_SIGNAL,
        SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid,
        SYS_setgroups, SYS_setfsuid, SYS_setfsgid, SYS_personality, SYS_capset,
        SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load,
        SYS_bpf, SYS_perf_event_open, SYS_userfaultfd,
        NR_IO_URING_SETUP, NR_IO_URING_ENTER, NR_IO_URING_REGISTER,
        SYS_add_key, SYS_request_key, SYS_keyctl,
        SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_fanotify_init,
        SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, NR_QUOTACTL_FD, SYS_syslog,
        SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex,
        SYS_sethostname, SYS_setdomainname, SYS_vhangup, SYS_nfsservctl, SYS_lookup_dcookie,
#ifdef __x86_64__
        SYS_fork, SYS_vfork, SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS_sysfs,
        SYS__sysctl, SYS_create_module, SYS_get_kernel_syms, SYS_query_module,
#endif
};

#define COUNT G_N_ELEMENTS(refused)
#define LOAD(member)                                                                               \
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (guint32) offsetof(struct seccomp_data, member))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, (value))

static struct sock_filter jump_if_equal(guint32 value, size_t yes) {
        return (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, (guint8) yes, 0);
}

/* Another architecture's calls kill; the listed ones fail with EPERM. clone() stays, for threads:
 * a child of it could not run anything. */
bool confine_calls(GError **error) {
        struct sock_filter program[COUNT + 8];
        struct sock_fprog filter = { .filter = program };
        size_t at = 0;

        G_STATIC_ASSERT(COUNT + 2 < 256); /* a jump is one byte */
        program[at++] = (struct sock_filter) LOAD(arch);
        program[at++] = jump_if_equal(OUR_ARCHITECTURE, 1);
        program[at++] = (struct sock_filter) ANSWER(SECCOMP_RET_KILL_PROCESS);
        program[at++] = (struct sock_filter) LOAD(nr);
        program[at++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NUMBER_LIMIT,
                                                      (guint8) (COUNT + 1), 0);
        for (size_t i = 0; i < COUNT; i++)
                program[at++] = jump_if_equal(refused[i], COUNT - i);
        program[at++] = (struct sock_filter) ANSWER(SECCOMP_RET_ALLOW);
        program[at++] = (struct sock_filter) ANSWER(SECCOMP_RET_ERRNO | EPERM);
        filter.len = (unsigned short) at;
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0)
                return fail_errno(error, "set the system call filter");
        return true;
}

#else

bool confine_calls(GError **error) {
        log_warning("there is no system call filter for this architecture");
        return true;
}

#endif
