from pathlib import Path

import pytest
from celery import Celery
from redis import Redis

from leadflow import configuration, embedded


@pytest.fixture
def server() -> str:
    found = embedded.find_server()
    assert found, "the lock brings a Valkey server for this platform"
    return found


def test_running_server_answers_on_its_socket_and_goes_with_its_folder(server: str) -> None:
    with embedded.running(server) as url:
        assert Redis.from_url(url).ping() is True

    assert not Path(url.removeprefix("unix://")).parent.exists()


def test_running_server_carries_celery_messages(server: str) -> None:
    with embedded.running(server) as url:
        app = Celery(broker=configuration.broker_url(url), set_as_current=False)
        app.send_task("anything", queue="score")

        assert Redis.from_url(url).llen("score") == 1
        app.close()


def test_socket_path_is_short_enough_for_the_kernel() -> None:
    with embedded.socket_folder() as folder:
        assert len(str(embedded.socket_path(folder))) < 104


def test_wait_until_ready_gives_up_in_time() -> None:
    with embedded.socket_folder() as folder, pytest.raises(TimeoutError):
        embedded.wait_until_ready(folder, timeout=0.1)


def test_find_server_passes_over_a_binary_that_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "valkey-server"
    broken.write_text("not a program")
    broken.chmod(0o755)
    monkeypatch.setattr(embedded, "_packaged_server", lambda: str(broken))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert embedded.find_server() is None
