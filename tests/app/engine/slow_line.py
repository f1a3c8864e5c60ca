"""Stands for a line: starts a command and passes its streams on, late and no faster than a rate.

python slow_line.py SECONDS_EACH_WAY BYTES_PER_SECOND COMMAND...
"""

import os
import queue
import subprocess
import sys
import threading
import time

LATE, RATE = float(sys.argv[1]), float(sys.argv[2])
PIECE, HELD = 1 << 14, 32
"""Bytes of a piece, and pieces that the line takes before it makes its sender wait."""


def carry(source: int, target: int) -> threading.Thread:
    """Pass on what comes, in threads of their own, until it ends."""
    on_the_way: queue.Queue = queue.Queue(HELD)

    def take() -> None:
        free = time.monotonic()
        while data := os.read(source, PIECE):
            free = max(free, time.monotonic()) + len(data) / RATE
            time.sleep(max(0.0, free - time.monotonic()))
            on_the_way.put((time.monotonic() + LATE, data))
        on_the_way.put((0.0, b""))

    def bring() -> None:
        while (parcel := on_the_way.get())[1]:
            at, data = parcel
            time.sleep(max(0.0, at - time.monotonic()))
            os.write(target, data)
        os.close(target)

    threading.Thread(target=take, daemon=True).start()
    last = threading.Thread(target=bring, daemon=True)
    last.start()
    return last


engine = subprocess.Popen(sys.argv[3:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
carry(0, engine.stdin.fileno())
carry(engine.stdout.fileno(), 1).join()
os._exit(engine.wait())
