/* SPDX-License-Identifier: Apache-2.0 */
/* argv to sub-command. */

#include <fcntl.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "config/arguments.h"
#include "config/command.h"
#include "config/config.h"
#include "daemon/daemon.h"
#include "pod/stages.h"

/* --log: append to a file instead of stderr. The descriptor stays open as long as the process. */
static bool open_log(const Config *config, GError **error) {
        int fd;

        if (!*config->log_file)
                return true;
        fd = open(config->log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return fail_errno(error, "--log: open %s", config->log_file);
        log_set_fd(fd);
        return true;
}

int main(int argc, char **argv) {
        g_autoptr(GError) error = NULL;
        g_auto(Arguments) arguments = {0};
        g_autoptr(Config) config = NULL;
        LogLevel level;
        int status;

        if (!arguments_parse(argc, argv, &arguments, &error)) {
                log_write(LOG_LEVEL_FATAL, "%s", error->message);
                return EXIT_FAILURE;
        }
        if (config_command(&arguments, &status))
                return status;
        if (arguments.command == COMMAND_STAGES) {
                stages_print();
                return EXIT_SUCCESS;
        }
        config = config_load(&arguments, &error);
        if (!config || !config_check_host(config, &error) || !open_log(config, &error)) {
                log_write(LOG_LEVEL_FATAL, "%s", error->message);
                return EXIT_FAILURE;
        }
        if (log_level_parse(config->log_level, &level))
                log_set_level(level);
        return daemon_run(config);
}
