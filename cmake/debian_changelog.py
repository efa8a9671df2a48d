#!/usr/bin/env python3
"""Writes CHANGELOG.md as a Debian changelog, on stdout.

    debian_changelog.py CHANGELOG.md VERSION "NAME <MAIL>"

Each section "## VERSION (DAY)" becomes an entry; one without a day is of today, or of SOURCE_DATE_EPOCH. The
newest must be VERSION. Exit: 0, 1 when it is not or nothing can be read.
"""

import datetime
import email.utils
import os
import re
import sys
import textwrap


def day_of(text):
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return (datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc) if epoch
            else datetime.datetime.now(datetime.timezone.utc))


def main(path, version, maintainer):
    with open(path, encoding="utf-8") as file:
        sections = re.split(r"^## ", file.read(), flags=re.MULTILINE)[1:]
    if not sections or sections[0].split()[0] != version:
        sys.exit(f"{path}: the newest section is not {version}, the version of project() in CMakeLists.txt")
    for section in sections:
        title, _, body = section.partition("\n")
        number, day = re.match(r"(\S+)(?: \((.*)\))?", title).groups()
        print(f"hareplicate ({number}) unstable; urgency=medium\n")
        for item in re.split(r"^- ", body, flags=re.MULTILINE)[1:]:
            print(textwrap.fill(" ".join(item.split()), 79, initial_indent="  * ", subsequent_indent="    ",
                                break_long_words=False, break_on_hyphens=False))
        print(f"\n -- {maintainer}  {email.utils.format_datetime(day_of(day or ''))}\n")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
