/* SPDX-License-Identifier: Apache-2.0 */

/* What a sandbox image holds: a first process that reaps orphans and ends when it is told to. */

#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGCHLD);
        sigprocmask(SIG_BLOCK, &set, NULL);

        for (;;) {
                if (sigwaitinfo(&set, NULL) != SIGCHLD)
                        return 0;
                while (waitpid(-1, NULL, WNOHANG) > 0)
                        ;
        }
}
