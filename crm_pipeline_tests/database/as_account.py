"""Running a piece of a test in a process of its own, as root or as an ordinary account.

The child is forked, not started anew: the account of the test may not be able to reach the interpreter's files.
"""

import ctypes
import multiprocessing
import os
import pwd
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
NOBODY = pwd.getpwnam("nobody")


def in_child(work: Callable[..., Any], *arguments: Any, user: pwd.struct_passwd | None = None) -> Any:
    """Return what `work` returns in a forked process, run as `user` when that is given and we are root."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_report, args=(sender, user, work, arguments))
    child.start()
    sender.close()
    try:
        ok, value = receiver.recv()
    except EOFError:
        raise AssertionError("the child died without an answer") from None
    finally:
        child.join()
    assert ok, value
    return value


def _report(sender: Connection, user: pwd.struct_passwd | None, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        if user and os.geteuid() == 0:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        sender.send((True, work(*arguments)))
    except BaseException:  # noqa: BLE001 - everything goes to the parent, which fails with it
        sender.send((False, traceback.format_exc()))


def adopt_orphans() -> None:
    """Make this process the one that has to reap orphans, which it then never does: their zombies stay."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
