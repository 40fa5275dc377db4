#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
echo 'httpd: serving /www on port 80'
exec httpd -f -p 80 -h /www
