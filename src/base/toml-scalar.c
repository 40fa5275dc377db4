/* SPDX-License-Identifier: Apache-2.0 */
/* Blanks, strings, numbers, dates. */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/toml-reader.h"

bool reader_fail(Reader *reader, const char *format, ...) {
        g_autofree char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return fail(reader->error, ERROR_INVALID_ARGUMENT, "%s:%d:%d: %s", reader->name,
                reader->line, (int)(reader->at - reader->line_start) + 1, text);
}

void reader_skip_blanks(Reader *reader) {
        while (*reader->at == ' ' || *reader->at == '\t')
                reader->at++;
}

static void next_line(Reader *reader) {
        reader->at++;
        reader->line++;
        reader->line_start = reader->at;
}

static bool skip_comment(Reader *reader) {
        if (*reader->at != '#')
                return true;
        for (; *reader->at && *reader->at != '\n'; reader->at++)
                if ((unsigned char)*reader->at < 0x20 && *reader->at != '\t' &&
                        !g_str_has_prefix(reader->at, "\r\n"))
                        return reader_fail(reader, "a control character in a comment");
        return true;
}

bool reader_skip_lines(Reader *reader) {
        for (;;) {
                reader_skip_blanks(reader);
                if (!skip_comment(reader))
                        return false;
                if (g_str_has_prefix(reader->at, "\r\n"))
                        reader->at++;
                if (*reader->at != '\n')
                        return true;
                next_line(reader);
        }
}

bool reader_end_line(Reader *reader) {
        reader_skip_blanks(reader);
        if (!skip_comment(reader))
                return false;
        if (*reader->at && *reader->at != '\n' && !g_str_has_prefix(reader->at, "\r\n"))
                return reader_fail(reader, "the line should have ended here");
        return true;
}

/* Strings */

/* \uXXXX or \UXXXXXXXX; the reader stands on the first digit. */
static bool read_unicode(Reader *reader, int digits, GString *into) {
        gunichar value = 0;

        for (int i = 0; i < digits; i++, reader->at++) {
                if (!g_ascii_isxdigit(*reader->at))
                        return reader_fail(reader, "%d hexadecimal digits were expected", digits);
                value = value * 16 + (gunichar)g_ascii_xdigit_value(*reader->at);
        }
        if (value == 0 || !g_unichar_validate(value))
                return reader_fail(reader, "no such character");
        g_string_append_unichar(into, value);
        return true;
}

/* The reader stands behind the backslash. */
static bool read_escape(Reader *reader, bool multi, GString *into) {
        static const char letters[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
        const char *found;
        char letter = *reader->at;

        if (multi && (letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r')) {
                /* The end of the line and all blanks that follow do not count. */
                reader_skip_blanks(reader);
                if (*reader->at != '\n' && *reader->at != '\r')
                        return reader_fail(reader, "a backslash before blanks");
                for (; strchr(" \t\r\n", *reader->at) && *reader->at;)
                        if (*reader->at == '\n')
                                next_line(reader);
                        else
                                reader->at++;
                return true;
        }
        if (letter == 'u' || letter == 'U') {
                reader->at++;
                return read_unicode(reader, letter == 'u' ? 4 : 8, into);
        }
        found = letter ? strchr(letters, letter) : NULL;
        if (!found)
                return reader_fail(reader, "an escape sequence that does not exist");
        g_string_append_c(into, values[found - letters]);
        reader->at++;
        return true;
}

/* One character or escape sequence. */
static bool read_character(Reader *reader, char quote, bool multi, GString *into) {
        unsigned char c = (unsigned char)*reader->at;

        if (!c)
                return reader_fail(reader, "the file ends inside a string");
        if (c == '\\' && quote == '"') {
                reader->at++;
                return read_escape(reader, multi, into);
        }
        if (c == '\n' && multi) {
                g_string_append_c(into, '\n');
                next_line(reader);
                return true;
        }
        if ((c < 0x20 && c != '\t' && !(multi && c == '\r')) || c == 0x7f)
                return reader_fail(reader, c == '\n' ? "the line ends inside a string"
                                                     : "a control character in a string");
        g_string_append_c(into, (char)c);
        reader->at++;
        return true;
}

/* Closing quotes; up to two more belong to the text. */
static bool at_end(Reader *reader, char quote, bool multi) {
        char three[4] = {quote, quote, quote, '\0'};

        if (!multi)
                return *reader->at == quote;
        return g_str_has_prefix(reader->at, three) && reader->at[3] != quote;
}

char *reader_read_string(Reader *reader) {
        g_autoptr(GString) text = g_string_new(NULL);
        char quote = *reader->at;
        bool multi = reader->at[1] == quote && reader->at[2] == quote;

        reader->at += multi ? 3 : 1;
        if (multi && g_str_has_prefix(reader->at, "\r\n"))
                reader->at++;
        if (multi && *reader->at == '\n')
                next_line(reader);
        while (!at_end(reader, quote, multi))
                if (!read_character(reader, quote, multi, text))
                        return NULL;
        reader->at += multi ? 3 : 1;
        return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Everything else: a word up to the next separator */

static char *take_word(Reader *reader) {
        const char *start = reader->at;

        reader->at += strcspn(reader->at, " \t\r\n,]}#=");
        /* A date and a time with a blank between them. */
        if (reader->at - start == 10 && start[4] == '-' && *reader->at == ' ' &&
                g_ascii_isdigit(reader->at[1]))
                reader->at += 1 + strcspn(reader->at + 1, " \t\r\n,]}#=");
        return g_strndup(start, (size_t)(reader->at - start));
}

/* Underscores stand between digits only. */
static bool strip_underscores(char *word) {
        char *into = word;

        for (const char *from = word; *from; from++) {
                if (*from != '_') {
                        *into++ = *from;
                        continue;
                }
                if (from == word || !g_ascii_isxdigit(from[-1]) || !g_ascii_isxdigit(from[1]))
                        return false;
        }
        *into = '\0';
        return true;
}

static bool parse_integer(const char *word, gint64 *ret_value) {
        static const struct {
                const char *prefix;
                guint base;
        } bases[] = {{"0x", 16}, {"0o", 8}, {"0b", 2}};
        const char *digits = *word == '+' || *word == '-' ? word + 1 : word;
        char *end;

        errno = 0;
        for (unsigned i = 0; i < G_N_ELEMENTS(bases); i++) {
                if (!g_str_has_prefix(word, bases[i].prefix) || !g_ascii_isxdigit(word[2]))
                        continue;
                *ret_value = g_ascii_strtoll(word + 2, &end, bases[i].base);
                return errno == 0 && !*end;
        }
        if (!g_ascii_isdigit(*digits) || (*digits == '0' && digits[1]))
                return false;
        *ret_value = g_ascii_strtoll(word, &end, 10);
        return errno == 0 && !*end;
}

static bool is_float(const char *word) {
        const char *digits = *word == '+' || *word == '-' ? word + 1 : word;
        char *end;

        if (g_str_equal(digits, "inf") || g_str_equal(digits, "nan"))
                return true;
        if (!g_ascii_isdigit(*digits) || strspn(digits, "0123456789.eE+-") != strlen(digits) ||
                !strpbrk(digits, ".eE") || (*digits == '0' && g_ascii_isdigit(digits[1])))
                return false;
        (void)g_ascii_strtod(word, &end);
        return !*end && !g_str_has_suffix(word, ".");
}

static bool is_date(const char *word) {
        return strlen(word) >= 8 && g_ascii_isdigit(word[0]) && g_ascii_isdigit(word[1]) &&
               (word[2] == ':' || word[4] == '-') &&
               strspn(word, "0123456789-:.TtZz+ ") == strlen(word);
}

static Toml *make(TomlType type, int line, const char *text, gint64 number) {
        Toml *value = toml_new(type, line);

        value->text = g_strdup(text);
        value->number = number;
        return value;
}

bool reader_read_scalar(Reader *reader, Toml **ret_value) {
        int line = reader->line;
        g_autofree char *word = NULL;
        gint64 number;

        if (*reader->at == '"' || *reader->at == '\'') {
                word = reader_read_string(reader);
                if (word)
                        *ret_value = make(TOML_STRING, line, word, 0);
                return word != NULL;
        }
        word = take_word(reader);
        if (g_str_equal(word, "true") || g_str_equal(word, "false")) {
                *ret_value = make(TOML_BOOL, line, word, word[0] == 't');
                return true;
        }
        if (is_date(word)) {
                *ret_value = make(TOML_DATE, line, word, 0);
                return true;
        }
        if (!strip_underscores(word))
                return reader_fail(reader, "an underscore that is not between digits");
        if (parse_integer(word, &number))
                *ret_value = make(TOML_INTEGER, line, word, number);
        else if (is_float(word))
                *ret_value = make(TOML_FLOAT, line, word, 0);
        else
                return reader_fail(
                        reader, "\"%s\" is no value; text has to stand in quotation marks", word);
        return true;
}
