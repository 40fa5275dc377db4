/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/stop-signal.h"

#include <glib.h>
#include <signal.h>
#include <string.h>

/* The kernel's numbers: the C library's SIGRTMIN is not a constant. */
#define RT_FIRST 34
#define RT_LAST  64

static const struct {
        const char *name;
        int number;
} signals[] = {
        /* indexed by CriSignal up to SIGXFSZ; after that come the real-time ones */
        {"", 0},
        {"ABRT", SIGABRT},
        {"ALRM", SIGALRM},
        {"BUS", SIGBUS},
        {"CHLD", SIGCHLD},
        {"CLD", SIGCHLD},
        {"CONT", SIGCONT},
        {"FPE", SIGFPE},
        {"HUP", SIGHUP},
        {"ILL", SIGILL},
        {"INT", SIGINT},
        {"IO", SIGIO},
        {"IOT", SIGABRT},
        {"KILL", SIGKILL},
        {"PIPE", SIGPIPE},
        {"POLL", SIGIO},
        {"PROF", SIGPROF},
        {"PWR", SIGPWR},
        {"QUIT", SIGQUIT},
        {"SEGV", SIGSEGV},
        {"STKFLT", SIGSTKFLT},
        {"STOP", SIGSTOP},
        {"SYS", SIGSYS},
        {"TERM", SIGTERM},
        {"TRAP", SIGTRAP},
        {"TSTP", SIGTSTP},
        {"TTIN", SIGTTIN},
        {"TTOU", SIGTTOU},
        {"URG", SIGURG},
        {"USR1", SIGUSR1},
        {"USR2", SIGUSR2},
        {"VTALRM", SIGVTALRM},
        {"WINCH", SIGWINCH},
        {"XCPU", SIGXCPU},
        {"XFSZ", SIGXFSZ},
};

G_STATIC_ASSERT(G_N_ELEMENTS(signals) == CRI_SIGNAL_SIGNAL_SIGRTMIN);

int stop_signal_from_cri(CriSignal signal) {
        if (signal >= 0 && signal < CRI_SIGNAL_SIGNAL_SIGRTMIN)
                return signals[signal].number;
        if (signal >= CRI_SIGNAL_SIGNAL_SIGRTMIN && signal <= CRI_SIGNAL_SIGNAL_SIGRTMINPLUS15)
                return RT_FIRST + (int)(signal - CRI_SIGNAL_SIGNAL_SIGRTMIN);
        if (signal >= CRI_SIGNAL_SIGNAL_SIGRTMAXMINUS14 && signal <= CRI_SIGNAL_SIGNAL_SIGRTMAX)
                return RT_LAST - (int)(CRI_SIGNAL_SIGNAL_SIGRTMAX - signal);
        return -1;
}

CriSignal stop_signal_to_cri(int signal) {
        for (int cri = CRI_SIGNAL_SIGNAL_SIGABRT; cri <= CRI_SIGNAL_SIGNAL_SIGRTMAX; cri++)
                if (stop_signal_from_cri((CriSignal)cri) == signal)
                        return (CriSignal)cri;
        return CRI_SIGNAL_SIGNAL_RUNTIME_DEFAULT;
}

static int parse_number(const char *text, int low, int high) {
        size_t digits = strspn(text, "0123456789");
        guint64 value = g_ascii_strtoull(text, NULL, 10);

        if (digits == 0 || digits > 2 || text[digits] || value > (guint64)(high - low))
                return -1;
        return low + (int)value;
}

static int parse_real_time(const char *text) {
        int number;

        if (g_ascii_strncasecmp(text, "RTMIN", 5) == 0)
                return text[5] == '+' ? parse_number(text + 6, RT_FIRST, RT_LAST)
                       : text[5]      ? -1
                                      : RT_FIRST;
        if (g_ascii_strncasecmp(text, "RTMAX", 5) != 0)
                return -1;
        if (text[5] != '-')
                return text[5] ? -1 : RT_LAST;
        number = parse_number(text + 6, 0, RT_LAST - RT_FIRST);
        return number < 0 ? -1 : RT_LAST - number;
}

int stop_signal_parse(const char *text) {
        const char *bare = g_ascii_strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
        int number = parse_number(text, 0, RT_LAST);

        if (number >= 0)
                return number > 0 ? number : -1;
        for (unsigned i = 1; i < G_N_ELEMENTS(signals); i++)
                if (g_ascii_strcasecmp(bare, signals[i].name) == 0)
                        return signals[i].number;
        return parse_real_time(bare);
}
