from pathlib import Path

from leadflow import envfile

EXAMPLE = "SECRET_KEY=\n# a comment\nLEADFLOW_ERASURE_KEY=\nPOSTGRES_PASSWORD=\nPORT=8000\n"


def test_write_fills_in_the_keys_for_the_owner_only(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text(EXAMPLE)

    assert envfile.write(tmp_path)

    lines = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines() if "=" in line)
    assert lines["PORT"] == "8000"
    assert len({lines[key] for key in envfile.KEYS if len(lines[key]) > 40}) == 3
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_write_leaves_a_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text(EXAMPLE)
    (tmp_path / ".env").write_text("SECRET_KEY=mine\n")

    assert not envfile.write(tmp_path)
    assert (tmp_path / ".env").read_text() == "SECRET_KEY=mine\n"
