"""Stands for the process of a window: passes on what it reads to the one in the test, and back."""

import os
import socket
import sys
import threading

up, down = (socket.socket(socket.AF_UNIX) for _ in range(2))
for line in (up, down):
    line.connect(sys.argv[1])


def back() -> None:
    while data := down.recv(1 << 16):
        os.write(1, data)
    os._exit(0)


threading.Thread(target=back).start()
while data := os.read(0, 1 << 16):
    up.sendall(data)
up.close()
