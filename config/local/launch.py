"""Becomes the given command, bound to its parent's life.

    python launch.py PARENT_PID SIGNAL USER COMMAND...

Linux sends it SIGNAL when its parent dies, however that dies. USER may be empty. This is a program
of its own because its caller may have threads: nothing should run between a fork and an exec then.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def main(parent_pid: str, signal_number: str, user: str, *command: str) -> None:
    if user:
        _become(user)
    die_with_parent(int(signal_number))  # after the change of user, which would undo it
    if os.getppid() == int(parent_pid):
        os.execv(command[0], command)  # noqa: S606


def die_with_parent(signal_number: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)


def _become(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


if __name__ == "__main__":
    main(*sys.argv[1:])
