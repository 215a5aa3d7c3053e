#!/usr/bin/env python3
"""Counts what each line of the divergences file hides, and fails where it is not the number written above it.

    check_divergences.py TOOL TRANSCRIPTS DIVERGENCES

TOOL is the folder of the contract tool, TRANSCRIPTS what 'contract check --keep' wrote. The differences are found,
and lines matched with them, by the tool's own code.
"""
import importlib.machinery
import importlib.util
import json
import pathlib
import re
import sys


def load_tool(folder):
    loader = importlib.machinery.SourceFileLoader("contract", str(folder / "contract"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("contract", loader))
    loader.exec_module(module)
    return module


def promised_counts(path):
    """The N of '# hides N' above each entry, in the order of the entries; None where there is none."""
    counts, above = [], ""
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            match = re.fullmatch(r"# hides (\d+)", above)
            counts.append(int(match.group(1)) if match else None)
        above = line.strip()
    return counts


def main():
    tool_folder, transcripts, divergences = map(pathlib.Path, sys.argv[1:4])
    tool = load_tool(tool_folder)
    entries = tool.read_allowed(divergences)
    hidden = [0] * len(entries)
    for kept in sorted(transcripts.glob("*/*.json")):
        want = json.loads((tool_folder / "golden" / kept.relative_to(transcripts)).read_text())
        for line in tool.compare(want, json.loads(kept.read_text())):
            for i, entry in enumerate(entries):
                if tool.is_allowed([entry], kept.stem, line):
                    hidden[i] += 1
                    break
    wrong = 0
    for entry, promised, found in zip(entries, promised_counts(divergences), hidden):
        if promised != found:
            wrong += 1
            print("%s: this hides %d differences, the line above it says %s: %s"
                  % (divergences, found, "nothing" if promised is None else promised, entry["line"]), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
