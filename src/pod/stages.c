/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/stages.h"

#include <stdio.h>

#include "pod/container-private.h"
#include "pod/sandbox-private.h"

void stages_print(void) {
        for (unsigned i = 0; i < sandbox_stage_count; i++)
                printf("sandbox %s\n", sandbox_stages[i].name);
        for (unsigned i = 0; i < container_stage_count; i++)
                printf("container %s\n", container_stages[i].name);
        printf("container start\n");
}
