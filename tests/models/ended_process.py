"""A process that the system ends, as one that takes too much memory."""

import os
import signal

if __name__ == "__main__":  # the search for doctests imports this file too
    os.kill(os.getpid(), signal.SIGKILL)
