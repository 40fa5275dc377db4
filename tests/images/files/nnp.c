/* SPDX-License-Identifier: Apache-2.0 */

/* Installed set-uid root: says whether that had an effect. */

#include <stdio.h>
#include <unistd.h>

int main(void) {
        return printf("Effective uid: %u\n", (unsigned)geteuid()) < 0;
}
