"""The process behind a pool of warm kernels: it imports what pipelines import, and forks a kernel a run.

    python -m omni_lab.pipelines.kernel_server ADDRESS MODULE...

A fork is a process of its own with everything imported, so that two runs share no state and neither pays for
the imports. The connection of whoever asked stays open while the kernel lives: when it ends, so does the
kernel with all that it started; when our own standard input ends, so do all kernels and this process.
``kernel_pool`` keeps it. Linux only.
"""

import gc
import importlib
import importlib.util
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import omni_lab
from omni_lab.config import environment_of_process, replace_environment

_OF_ONE_RUN = ("OMNI_LAB_", "JPY_", "PYTEST_")
_NOT_READ_AT_IMPORT = frozenset({"IPYTHONDIR", "PWD", "OLDPWD", "SHLVL", "_", "COLUMNS", "LINES"})
_DEATH_OF_PARENT = 1  # prctl: PR_SET_PDEATHSIG
_LONGEST_REQUEST = 1 << 20


def die_with_parent() -> None:
    """Have this process killed when the one that started it ends, however that ends; Linux only."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_DEATH_OF_PARENT, signal.SIGKILL)


def read_at_import(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that an import may have read, and that a fork therefore cannot change."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _NOT_READ_AT_IMPORT and not name.startswith(_OF_ONE_RUN)
    }


def code_stamp() -> tuple[int, int]:
    """Number of files of the package that are imported, and the newest change of one, in nanoseconds."""
    package = Path(omni_lab.__file__).parent
    times = [file.stat().st_mtime_ns for kind in ("*.py", "*.so") for file in package.rglob(kind)]
    return len(times), max(times)


@dataclass(slots=True)
class _Kernel:
    pid: int
    connection: socket.socket


class _Server:
    def __init__(self, address: str) -> None:
        self._address = address
        self._environment = read_at_import(environment_of_process())
        self._stamp = code_stamp()
        self._kernels: dict[int, _Kernel] = {}
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX)
        self._wake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wake_end = wake
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Fork kernels until standard input ends."""
        temporary = f"{self._address}.new"
        self._listener.bind(temporary)
        self._listener.listen(64)
        Path(temporary).rename(self._address)
        is_going = True

        def end() -> None:
            nonlocal is_going
            is_going = bool(os.read(0, 1024))

        self._selector.register(0, selectors.EVENT_READ, end)
        self._selector.register(self._wake, selectors.EVENT_READ, self._reap)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        try:
            while is_going:
                for key, _ in self._selector.select():
                    handle: Callable[[], None] = key.data
                    handle()
        finally:
            for pid in self._kernels:
                self._kill(pid)
            # Modules that were kept from the collector would complain about it.
            os._exit(0)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        try:
            with connection.makefile("rb") as lines:
                request = json.loads(lines.readline(_LONGEST_REQUEST))
            refusal = self._refusal(request["environment"])
            if refusal:
                connection.sendall(json.dumps({"refused": refusal}).encode() + b"\n")
                connection.close()
            else:
                self._fork(request, connection)
        except (OSError, ValueError, KeyError, TypeError):
            connection.close()

    def _refusal(self, environment: Mapping[str, str]) -> str:
        if code_stamp() != self._stamp:
            if not self._kernels:
                os.execv(sys.executable, [sys.executable, "-m", __spec__.name, *sys.argv[1:]])
            return "the package has changed since its modules were imported"
        if read_at_import(environment) != self._environment:
            return "the environment is not the one that its modules were imported in"
        return ""

    def _fork(self, request: Mapping[str, Any], connection: socket.socket) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_kernel(request, connection)
        self._kernels[pid] = _Kernel(pid, connection)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._let_go(pid))
        connection.sendall(json.dumps({"pid": pid}).encode() + b"\n")

    def _let_go(self, pid: int) -> None:
        """Whoever asked for the kernel is gone, or done with it."""
        kernel = self._kernels[pid]
        self._selector.unregister(kernel.connection)
        kernel.connection.close()
        self._kill(pid)

    def _kill(self, pid: int) -> None:
        _kill_group(pid)
        # It may not lead a group yet. It was not waited for, so the id is still its own.
        os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._wake, 1024)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            kernel = self._kernels.pop(pid)
            # What it started is in its group, and ends with it.
            _kill_group(pid)
            if kernel.connection.fileno() >= 0:
                self._selector.unregister(kernel.connection)
                with suppress(OSError):
                    code = os.waitstatus_to_exitcode(status)
                    kernel.connection.sendall(json.dumps({"exit": code}).encode() + b"\n")
                kernel.connection.close()

    def _become_kernel(self, request: Mapping[str, Any], connection: socket.socket) -> NoReturn:
        code = 1
        try:
            os.setsid()
            parent = os.getppid()
            die_with_parent()
            if os.getppid() != parent:
                os._exit(1)
            self._close_all(connection)
            replace_environment(request["environment"])
            time.tzset()
            os.chdir(request["cwd"])
            _forget_the_seed()
            launcher = importlib.util.find_spec("ipykernel_launcher")
            sys.argv = [str(launcher and launcher.origin), "-f", request["connection_file"]]
            from ipykernel.kernelapp import launch_new_instance

            launch_new_instance()
            code = 0
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
        except BaseException:  # noqa: BLE001  # told, and this process ends
            sys.excepthook(*sys.exc_info())
        finally:
            # Not sys.exit(): that would run on into the server.
            _run_exit_functions()
            os._exit(code)

    def _close_all(self, connection: socket.socket) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._selector.close()
        self._listener.close()
        connection.close()
        for kernel in self._kernels.values():
            kernel.connection.close()
        os.close(self._wake)
        os.close(self._wake_end)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)


def _forget_the_seed() -> None:
    """A fork has its parent's state of NumPy's own generator; a fresh kernel has one of its own."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def _run_exit_functions() -> None:
    import atexit

    with suppress(BaseException):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def main() -> None:
    """Import, then serve."""
    # Where it was started from; a kernel puts its own folder there.
    del sys.path[0]
    address, *names = sys.argv[1:]
    for name in names:
        with suppress(ImportError):
            importlib.import_module(name)
    # What is here now is never garbage, and stays shared between the forks.
    gc.collect()
    gc.freeze()
    _Server(address).serve()


if __name__ == "__main__":
    main()
