# SPDX-License-Identifier: Apache-2.0
"""Reads C just well enough for the rules of this project: code without comments and literals, its
functions with their lines, parameters and nesting."""

import os
import re

# Another tree can be given, for the test of these rules.
ROOT = os.environ.get("LINT_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

BLANK = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
KEYWORDS = {"if", "for", "while", "switch", "do", "else", "return", "sizeof"}


def sources(*folders, ends=(".c", ".h")):
    """Paths relative to the project, sorted."""
    found = []
    for folder in folders:
        for base, _, names in os.walk(os.path.join(ROOT, folder)):
            found += [os.path.relpath(os.path.join(base, n), ROOT)
                      for n in names if n.endswith(ends)]
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as source:
        return source.read()


def blank(text, keep_strings=False):
    """The text with comments and the inside of literals turned into blanks, line for line."""
    def cover(match):
        found = match.group()
        if found[0] in "\"'":
            return found if keep_strings else found[0] + " " * (len(found) - 2) + found[0]
        return re.sub(r"[^\n]", " ", found)
    return BLANK.sub(cover, text)


def without_directives(code):
    """Preprocessor lines, continued ones too, turned into blanks."""
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()),
                  code, flags=re.M)


class Function:
    def __init__(self, name, line, lines, parameters, nesting):
        self.name, self.line, self.lines = name, line, lines
        self.parameters, self.nesting = parameters, nesting


def close_of(code, at):
    """The index of the bracket that closes the one at this index."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    opened, closed, depth = code[at], pairs[code[at]], 0
    for i in range(at, len(code)):
        if code[i] == opened:
            depth += 1
        elif code[i] == closed:
            depth -= 1
            if depth == 0:
                return i
    return len(code) - 1


def parameter_count(inside):
    inside = inside.strip()
    if inside in ("", "void"):
        return 0
    depth = count = 0
    for char in inside:
        depth += char in "([{"
        depth -= char in ")]}"
        count += char == "," and depth == 0
    return count + 1


def nesting(body):
    """How deep the blocks of a function body go. A statement without braces beneath an if or a loop
    counts too, because what counts is what the reader has to hold in mind."""
    return max((depth for depth in depths(body)), default=0)


def depths(body):
    """Walks the statements with a stack; yields the level of each controlled statement."""
    token = re.compile(r"\b(if|for|while|switch|do|else)\b|[{};()]")
    stack = []              # "block" of a control, "plain" for braces alone, "single" for one statement
    pending = None          # a control word whose statement has not begun
    at, was_else = 0, False
    while True:
        match = token.search(body, at)
        if pending and (match is None or body[at:match.start()].strip()):
            # Some other word begins the statement that the pending control governs.
            stack.append("single")
            pending = None
            yield level(stack)
        if match is None:
            return
        at, word = match.end(), match.group()
        if word == "(":
            at = close_of(body, match.start()) + 1
        elif word == "else":
            pending, was_else = "else", True
            continue
        elif word in ("if", "for", "while", "switch", "do"):
            if word == "while" and ends_do(body, match.start()):
                at = close_of(body, body.index("(", at)) + 1
                continue
            if pending and not (word == "if" and was_else):
                stack.append("single")
                yield level(stack)
            pending = word
            if word != "do":
                at = close_of(body, body.index("(", at)) + 1
        elif word == "{":
            stack.append("block" if pending else "plain")
            pending = None
            yield level(stack)
        elif word == "}":
            while stack and stack.pop() == "single":
                pass
            drop_singles(stack)
        elif word == ";":
            pending = None
            drop_singles(stack)
        was_else = False


def drop_singles(stack):
    while stack and stack[-1] == "single":
        stack.pop()


def level(stack):
    return sum(kind != "plain" for kind in stack)


def ends_do(body, at):
    """Whether this while belongs to a do: its condition is followed by a semicolon and a closing
    brace stands before it."""
    after = body[close_of(body, body.index("(", at)) + 1:].lstrip()
    return after.startswith(";") and body[:at].rstrip().endswith("}")


def functions(text):
    """The function definitions of a file, in order."""
    code = without_directives(blank(text))
    at = 0
    while True:
        brace = code.find("{", at)
        if brace < 0:
            return
        end = close_of(code, brace)
        begin = max(code.rfind(";", at, brace), code.rfind("}", at, brace), at - 1) + 1
        head = code[begin:brace]
        match = re.search(r"(\w+)\s*\((.*)\)\s*$", head, re.S)
        if match and match.group(1) not in KEYWORDS and "=" not in head:
            body = code[brace + 1:end]
            first = begin + len(head) - len(head.lstrip())
            yield Function(match.group(1), code.count("\n", 0, first) + 1,
                           code.count("\n", first, end) + 1,
                           parameter_count(match.group(2)), nesting(body))
        at = end + 1
