"""A process that has imported what `pexen` imports, and forks for each command.

What it runs is `python3 -m pexen` in a process of its own, with its own folder, arguments, pipes
and exit status; only the start of the interpreter and the imports, which are most of the time
of a short command, are done once. What is about those, signals or terminals has to start a real
one.

A request has the folder and the arguments, and the descriptors of stdout and stderr; the answers
are the pid, and then the status, below zero if a signal ended it.
"""

from __future__ import annotations

import json
import os
import pathlib
import runpy
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NoReturn

_NUMBER = struct.Struct("i")
_MOST = 1 << 17  # bytes of a request; the system takes no longer argument either


class Warm:
    """The process, as who asks it sees it; it ends when this is closed."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Start it with that environment, which its commands have as well."""
        self.env = dict(env)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # so that a command's streams are those for pipes
            stderr=subprocess.STDOUT,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()

    def close(self) -> None:
        self._socket.close()
        said, _ = self._process.communicate()
        assert not said, said.decode()

    def run(
        self, args: Sequence[str], folder: pathlib.Path, together: bool, limit: float
    ) -> tuple[str, str, int]:
        """Run a command to its end: (stdout, stderr, status); `together` has both in stdout.

        What takes longer than `limit` seconds is killed, and raises `TimeoutError`.
        """
        request = json.dumps([str(folder), list(args)]).encode()
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        socket.send_fds(self._socket, [request], [out_end, out_end if together else err_end])
        os.close(out_end)
        os.close(err_end)
        (pid,) = _NUMBER.unpack(self._socket.recv(_NUMBER.size))
        try:
            shown = _read_all([out, err], time.monotonic() + limit)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise
        finally:
            os.close(out)
            os.close(err)
            (status,) = _NUMBER.unpack(self._socket.recv(_NUMBER.size))
        return shown[0], shown[1], status


def _read_all(fds: Sequence[int], end: float) -> list[str]:
    """What comes from each until all who could write have closed it."""
    read = {fd: b"" for fd in fds}
    with selectors.DefaultSelector() as selector:
        for fd in fds:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(f"still there; it wrote {read}")
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                read[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
    return [text.decode().replace("\r\n", "\n") for text in read.values()]


def _serve(asked: socket.socket) -> None:
    """Run a command for each request, one at a time, until nobody can ask any more."""
    while True:
        request, fds, _, _ = socket.recv_fds(asked, _MOST, 2)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            asked.close()
            _become_command(*json.loads(request), *fds)
        for fd in fds:
            os.close(fd)
        asked.send(_NUMBER.pack(pid))
        _, status = os.waitpid(pid, 0)
        asked.send(_NUMBER.pack(os.waitstatus_to_exitcode(status)))


def _become_command(folder: str, args: list[str], out: int, err: int) -> NoReturn:
    """Do what `python3 -m pexen` does in the folder; what it raises ends the process."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    os.chdir(folder)
    sys.path[0] = folder
    sys.argv[1:] = args
    runpy.run_module("pexen", run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    for _name in ("run", "listing", "graph", "plan", "history", "reporting", "why"):
        import_module(f"pexen.cli.{_name}")
    _serve(socket.socket(fileno=int(sys.argv[1])))
