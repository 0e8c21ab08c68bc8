"""Starts Django before what needs it: `python -m tests.faults.play_failing_days FOLDER CORES part|whole`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadflow.settings")

if __name__ == "__main__":
    django.setup()
    from tests.faults.failing_day import main

    main(Path(sys.argv[1]), int(sys.argv[2]), whole=sys.argv[3] == "whole")
