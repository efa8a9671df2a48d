"""Source files as the layer rules see them: includes, code without comments, function bodies."""

import ast
import bisect
import os
import re

TOP_FOLDERS = ("common", "replicator", "failover", "dnsupdater", "schemas", "tools", "tests", "cmake")
CODE_ENDINGS = (".cpp", ".h")
TEXT_ENDINGS = CODE_ENDINGS + (".py", ".cmake", ".proto", ".sql", ".sh", "CMakeLists.txt")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]+)>|"([^"\n]+)")', re.M)
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^()\\\s]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
                   r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'", re.S)


class Source:
    """One file below the root; `path` is relative to it."""

    def __init__(self, root, path):
        self.path = path
        self.folder = os.path.dirname(path)
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            self.text = file.read()
        self.lines = self.text.splitlines()
        self.is_code = path.endswith(CODE_ENDINGS)
        self.is_python = path.endswith(".py") or self.text.startswith("#!/usr/bin/env python3")
        self.starts = [0] + [at.end() for at in re.finditer("\n", self.text)]
        self.blank = without_comments(self.text) if self.is_code else self.text
        self.includes = []  # (line, name, is_quoted)
        if self.is_code:
            for found in INCLUDE.finditer(without_comments(self.text, strings=False)):
                name = found.group(1) or found.group(2)
                self.includes.append((self.line_of(found.end() - 1), name, found.group(2) is not None))

    def line_of(self, offset):
        return bisect.bisect_right(self.starts, offset)

    def functions(self):
        """(line of the opening brace, lines of the body) of each function."""
        if self.is_python:
            yield from python_functions(self.text)
        elif self.is_code:
            for begin, end in cpp_bodies(self.blank):
                yield self.line_of(begin), self.line_of(end) - self.line_of(begin) + 1


def read_tree(root):
    """All source files below the top folders, in order of their paths."""
    found = []
    for top in TOP_FOLDERS:
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in names:
                path = os.path.join(folder, name)
                if name.endswith(TEXT_ENDINGS) or is_script(path):
                    found.append(os.path.relpath(path, root))
    return [Source(root, path) for path in sorted(found)]


def is_script(path):
    if "." in os.path.basename(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(2) == b"#!"


def without_comments(text, strings=True):
    """The text with comments, and string contents where `strings`, as spaces; newlines stay in place."""

    def blank(found):
        token = found.group()
        if not token.startswith("/") and not strings:
            return token
        keep = '"' if token[0] in '"R' else "'" if token[0] == "'" else ""
        inner = re.sub(r"[^\n]", " ", token)
        return keep + inner[1:-1] + keep if keep and len(inner) > 1 else inner

    return TOKEN.sub(blank, text)


def cpp_bodies(text):
    """(offset of `{`, offset of `}`) of every function body at namespace or class scope."""
    text = re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda found: re.sub(r"[^\n]", " ", found.group()), text,
                  flags=re.M)
    header_from = 0
    at = 0
    while at < len(text):
        character = text[at]
        if character in ";}":
            header_from = at + 1
        elif character == "{":
            kind = brace_kind(text[header_from:at])
            if kind != "scope":
                end = closing_brace(text, at)
                if kind == "function":
                    yield at, end
                at = end
            if kind != "initializer":
                header_from = at + 1
        at += 1


def brace_kind(header):
    """What a `{` after this text opens: scope (namespace, class), function, initializer."""
    header = re.sub(r"\btemplate\s*<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>", " ", header)
    header = re.sub(r"^\s*(?:public|private|protected)\s*:(?!:)", " ", header)
    words = header.strip()
    if re.match(r"(?:inline\s+)?namespace\b", words) or re.search(r'\bextern\s*"\s*"$', words):
        return "scope"
    if re.match(r"(?:typedef\s+|static\s+|inline\s+|constexpr\s+)*(?:class|struct|union|enum)\b", words) \
            and not re.search(r"\)[\s\w]*$", words) and "=" not in words:
        return "scope"
    if "(" not in words or words.count("(") > words.count(")"):
        return "initializer"
    # In the list after a constructor's `:` a brace behind a name initializes that member.
    if re.search(r"\)[^?]*?(?<!:):(?!:)[^{]*", words) and re.search(r"[\w>]$", words) \
            and not re.search(r"\b(?:const|noexcept|override|final|try)$", words):
        return "initializer"
    return "function"


def closing_brace(text, opening):
    depth = 0
    for found in re.finditer(r"[{}]", text[opening:]):
        depth += 1 if found.group() == "{" else -1
        if depth == 0:
            return opening + found.start()
    return len(text) - 1


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1
