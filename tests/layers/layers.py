#!/usr/bin/env python3
"""Checks the floors of docs/architecture.md: who includes whom, sizes, purity, third-party headers.

    layers.py ROOT [RULE...]      RULE: includes, cycles, sizes, purity, third_party (default: all)

Exit: 0, 1 when a rule is broken (one line each), 2 on errors.
"""

import sys

import layers_rules


def main(arguments):
    if not arguments or arguments[0].startswith("-"):
        print(__doc__.strip())
        return 2
    names = arguments[1:] or list(layers_rules.RULES)
    unknown = [name for name in names if name not in layers_rules.RULES]
    if unknown:
        known = ", ".join(layers_rules.RULES)
        print(f"layers: there is no rule {unknown[0]}; rules: {known}", file=sys.stderr)
        return 2
    try:
        tree = layers_rules.Tree(arguments[0])
    except (OSError, ValueError) as error:
        print(f"layers: {error}", file=sys.stderr)
        return 2
    broken = [found for name in names for found in layers_rules.RULES[name](tree)]
    for line in broken:
        print(line)
    print(f"{len(broken)} broken" if broken else f"{len(tree.sources)} files keep: {', '.join(names)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
