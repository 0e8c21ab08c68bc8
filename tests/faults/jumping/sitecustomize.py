"""Put a process's wall clock ahead of the time by the seconds that the file LEADFLOW_TEST_CLOCK holds, as they change.

Python runs this before anything else in a process whose PYTHONPATH names this directory. The monotonic clock
goes on as it does when a real machine's clock is set.
"""

import os
import threading
import time
from pathlib import Path

import time_machine

FILE = Path(os.environ["LEADFLOW_TEST_CLOCK"])
ahead = 0.0
clock = time_machine.travel(time.time(), tick=True).start()


def follow() -> None:
    global ahead
    while True:
        wanted = float(FILE.read_text() or 0)
        if wanted != ahead:
            clock.shift(wanted - ahead)
            ahead = wanted
        time.sleep(0.1)


def start() -> None:
    threading.Thread(target=follow, daemon=True).start()


start()
# Threads do not go along into a forked child.
os.register_at_fork(after_in_child=start)
