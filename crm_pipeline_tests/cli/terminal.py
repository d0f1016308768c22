"""A terminal: a command is run on a pseudo terminal, what it shows is kept, what it asks for is typed."""

import fcntl
import os
import pty
import struct
import subprocess
import termios

from crm_pipeline_tests.operator import Operator

ROWS, COLUMNS = 50, 160


def at_terminal(operator: Operator, *words: str, asked: str = "", typed: str = "") -> tuple[int, str]:
    """Run a command on a terminal and return its exit code and all that was shown. typed: the answer once `asked` is shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        operator.command(*words),
        env=operator.environment(TERM="xterm-256color"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = _watch(ours, asked.encode(), typed.encode())
    os.close(ours)
    return process.wait(60), shown.decode(errors="replace")


def _watch(ours: int, asked: bytes, typed: bytes) -> bytes:
    shown = b""
    while more := _read(ours):
        shown += more
        if typed and asked in shown:
            os.write(ours, typed + b"\n")
            typed = b""
    return shown


def _read(ours: int) -> bytes:
    try:
        return os.read(ours, 65_536)
    except OSError:  # Linux: the other side has hung up
        return b""
