"""Run a command until standard input closes, then kill it with all that it started and remove its folder.

Usage: python until_stdin_closes.py COMMAND...   (in the folder to remove, which the command gets as TMPDIR)

The test session holds the other end of standard input, so a server ends with it, however the session itself ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading


def kill_at_end_of_stdin(pid: int) -> None:
    """Wait for the end of standard input, then kill the process group `pid`."""
    os.read(0, 1)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


folder = os.getcwd()
child = subprocess.Popen(
    sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True, env=os.environ | {"TMPDIR": folder}
)
threading.Thread(target=kill_at_end_of_stdin, args=[child.pid], daemon=True).start()
code = child.wait()
shutil.rmtree(folder, ignore_errors=True)
sys.exit(code)
