/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* notify - tells the service manager how we are (sd_notify's protocol). Does nothing without
 * NOTIFY_SOCKET. */

void notify_send(const char *state);
