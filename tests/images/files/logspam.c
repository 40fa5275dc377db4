/* SPDX-License-Identifier: Apache-2.0 */

/* logspam BYTES [LINE [BLOCK]]: lines of LINE bytes on stdout, in writes of about BLOCK bytes. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t number(char **argv, int argc, int at, size_t fallback) {
        return argc > at ? strtoull(argv[at], NULL, 10) : fallback;
}

int main(int argc, char **argv) {
        size_t left = number(argv, argc, 1, 1 << 20);
        size_t line = number(argv, argc, 2, 100);
        size_t block = number(argv, argc, 3, line);
        char *text;

        if (line < 2)
                line = 2;
        block = block < line ? line : block - block % line;
        text = malloc(block);
        if (!text)
                return 1;
        memset(text, 'x', block);
        for (size_t end = line; end <= block; end += line)
                text[end - 1] = '\n';

        while (left > 0) {
                size_t want = left < block ? left : block;
                ssize_t done = write(STDOUT_FILENO, text, want);

                if (done <= 0)
                        return 2;
                left -= (size_t)done;
        }
        return 0;
}
