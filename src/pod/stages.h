/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* stages - prints the stage tables, one "kind stage" for each line, for the crash walk. */

void stages_print(void);
