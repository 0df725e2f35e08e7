# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the test cases of a meson run and prints the closing line.

usage: summary.py JUNIT.XML STATUS

STATUS is meson's exit status: when it tells of a failure that no test case
shows (a program that died, a time-out), that counts as one.
"""

import sys
import xml.etree.ElementTree as ElementTree


def count(path):
    """Returns (passed, names of failed, skipped) over all test cases."""
    passed, failed, skipped = 0, [], 0
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname', '')}: {case.get('name', '')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(name)
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main():
    path, status = sys.argv[1], int(sys.argv[2])
    passed, failed, skipped = count(path)
    if status != 0 and not failed:
        failed = ["a test program ended abnormally"]
    for name in failed:
        print(f"FAILED {name}")
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
