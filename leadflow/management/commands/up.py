import io
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections

from leadflow import embedded, heartbeat
from leadflow.demo import company
from leadflow.supervisor import Program, Supervisor
from leads import clock

PARTS = ("web", "worker", "beat")


class Command(BaseCommand):
    help = "Run Leadflow: database, broker, workers and web server in one, until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="run only these; all by default")
        parser.add_argument("--host", default=os.environ.get("LEADFLOW_HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))

    def handle(self, *, parts: list[str], host: str, port: int, **options: Any) -> None:
        self.host, self.port = host, port
        self.announced = "web" not in (parts or PARTS)
        if not self.announced:
            self.check_port()
        if not parts:
            self.prepare()
        with ExitStack() as stack:
            programs = list(self.programs(parts or list(PARTS), stack))
            connections.close_all()
            Supervisor(programs, self.say, self.announce).run()
        self.say("stopped")

    def check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise CommandError(
                    f"Port {self.port} is taken ({error.strerror}). Choose another: PORT=8001 make run"
                ) from error

    def prepare(self) -> None:
        """Bring the database up to date and, on the first start, fill it with the demo."""
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        self.say("bringing the database up to date")
        call_command("migrate", verbosity=0, interactive=False)
        if settings.LEADFLOW_DEMO and _is_for_the_demo():
            self.say("making the demo, or bringing it up to now; the first time takes a minute or two")
            call_command("demo")
        # Without one nothing scores; a later start finds the organisation's own.
        call_command("definition", "publish", "--standard", "--if-none", verbosity=0, stdout=io.StringIO())

    def programs(self, parts: list[str], stack: ExitStack) -> Iterator[Program]:
        """Give what is to run, the broker first."""
        shared = {"LEADFLOW_LOG_LEVEL": os.environ.get("LEADFLOW_LOG_LEVEL", "WARNING")}
        broker = None
        if not settings.REDIS_URL and set(parts) == set(PARTS):
            broker = self.start_broker(stack, shared)
        if broker:
            yield broker
        if "web" in parts:
            yield self.web(shared)
        if "worker" in parts:
            yield from self.workers(shared, beat="beat" in parts)
        elif "beat" in parts:
            yield Program("beat", _celery("beat"), shared | {"LEADFLOW_PROCESS": "worker"})

    def start_broker(self, stack: ExitStack, shared: dict[str, str]) -> Program | None:
        """Start the embedded broker, and tell the others where it is; None if there is no server for it."""
        server = embedded.find_server()
        if server is None:
            self.stderr.write(
                self.style.WARNING(
                    "NO BROKER: no Valkey or Redis server runs on this machine, so one process does all\n"
                    "work in turns. Fine for a look; for more, install redis-server or set REDIS_URL."
                )
            )
            return None
        folder = stack.enter_context(embedded.socket_folder())
        program = Program("broker", embedded.command(server, folder), stop_last=True)
        program.start()
        embedded.wait_until_ready(folder)
        shared["REDIS_URL"] = embedded.url(folder)
        return program

    def web(self, shared: dict[str, str]) -> Program:
        command = [sys.executable, "-m", "gunicorn", "-c", "python:leadflow.gunicorn_conf", "leadflow.wsgi"]
        own = {"LEADFLOW_PROCESS": "web", "LEADFLOW_EXPECT_WORKER": "1"}
        address = {"LEADFLOW_HOST": self.host, "PORT": str(self.port)}
        return Program("web", command, shared | own | address)

    def workers(self, shared: dict[str, str], *, beat: bool) -> Iterator[Program]:
        """Give a worker for each kind of haste, so that no backlog of one keeps another waiting."""
        if not (settings.REDIS_URL or "REDIS_URL" in shared):
            yield self.watched("worker", [sys.executable, "manage.py", "work"], shared)
            return
        scoring = os.environ.get("LEADFLOW_WORKER_PROCESSES", "2")
        route = _celery("worker", "-Q", "route", "-c", "1", *(["-B"] if beat else []))
        yield self.watched("route", route, shared)
        # Waits for other people's servers most of the time: two, so that mail and webhooks need not for each other.
        yield self.watched("deliver", _celery("worker", "-Q", "deliver", "-c", "2"), shared)
        yield self.watched("score", _celery("worker", "-Q", "score", "-c", scoring), shared)
        yield self.watched("bulk", _celery("worker", "-Q", "bulk", "-c", "1"), shared)

    def watched(self, name: str, command: list[str], shared: dict[str, str]) -> Program:
        """Give a worker that is killed, and so started again, when it falls silent."""
        full_name = f"{name}@{socket.gethostname()}"
        if "celery" in command:
            command = [*command, "-n", full_name]
        own = {"LEADFLOW_PROCESS": "worker", "LEADFLOW_WORKER_NAME": full_name}
        silence = settings.LEADFLOW_WORKER_SILENT_SECONDS
        silent_for = partial(_silence, full_name)
        return Program(name, command, shared | own, silent_for=silent_for, silence=silence)

    def announce(self) -> None:
        """Say where Leadflow is, as soon as it answers."""
        if self.announced or not _answers(f"http://{self.host}:{self.port}/healthz"):
            return
        self.announced = True
        self.stdout.write(f"\n  Leadflow is at http://{self.host}:{self.port}   (Ctrl-C stops it)")
        demo = get_user_model().objects.filter(email__endswith="@demo.leadflow.test").order_by("id")
        for email, role in demo.values_list("email", "role"):
            self.stdout.write(f"  {role:<10} {email}   password: leadflow-demo")
        self.stdout.write("")
        self.stdout.flush()
        connections.close_all()

    def say(self, text: str) -> None:
        self.stdout.write(f"leadflow: {text}")
        self.stdout.flush()


def _is_for_the_demo() -> bool:
    """Tell whether the database is empty or holds the demo: one in use by somebody is left alone."""
    users = get_user_model().objects
    return not users.exists() or users.filter(email=company.email("admin")).exists()


def _celery(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "celery", "-A", "leadflow", "--quiet", *arguments]
    # Chatter between workers that nothing here relies on; without it they start at once.
    return command + (["--without-gossip", "--without-mingle"] if "worker" in arguments else [])


def _silence(name: str) -> float | None:
    """Return how long worker `name` has been silent; no time at all while the database cannot say."""
    try:
        return heartbeat.age(at=clock.now(), name=name)
    except DatabaseError:
        return 0.0
    finally:
        connections.close_all()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False
