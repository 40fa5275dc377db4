/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Control - the fifos through which callers resize the terminal and have logs reopened.
 *
 * Owner    Embedded in the Monitor.
 * Threads  One.
 * Disk     <bundle>/ctl with lines "TYPE HEIGHT WIDTH"; <bundle>/winsz with lines "HEIGHT WIDTH".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_LINE 200                /* longer lines are thrown away */

typedef struct Monitor Monitor;

typedef enum ControlType {
        CONTROL_RESIZE = 1,
        CONTROL_REOPEN = 2,
} ControlType;

typedef struct Fifo {
        int fd;
        char line[CONTROL_LINE];
        size_t length;
        bool skipping;                  /* the line was too long, wait for the next */
} Fifo;

typedef struct Control {
        Fifo ctl, winsz;
        int height, width;              /* wished before there was a terminal, else 0 */
} Control;

/* control_parse() - @count numbers of 0 to 1000, apart by blanks, and nothing else */
bool control_parse(const char *line, int count, int *ret_numbers);

void control_init(Control *control);
void control_open(Monitor *monitor);
void control_apply_size(Monitor *monitor);
void control_on_ctl(Monitor *monitor, unsigned index, uint32_t events);
void control_on_winsz(Monitor *monitor, unsigned index, uint32_t events);
