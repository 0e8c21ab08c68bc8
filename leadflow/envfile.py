"""Write .env for docker compose: .env.example with fresh keys (`make env`)."""

import os
import re
import secrets
import sys
from pathlib import Path

KEYS = ("SECRET_KEY", "LEADFLOW_ERASURE_KEY", "POSTGRES_PASSWORD")


def with_keys(example: str) -> str:
    """Return the text of `example` with its empty keys filled in."""
    for key in KEYS:
        example = re.sub(rf"^{key}=$", f"{key}={secrets.token_urlsafe(40)}", example, flags=re.MULTILINE)
    return example


def write(folder: Path) -> bool:
    """Write `folder`/.env for its owner only; leave one that is there, and say so by False."""
    try:
        file = os.open(folder / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(file, "w") as target:
        target.write(with_keys((folder / ".env.example").read_text()))
    return True


if __name__ == "__main__":
    written = write(Path.cwd())
    sys.stdout.write(
        ".env written; look through it\n" if written else ".env is there already; left as it is\n"
    )
