"""One of the processes that train together; torchrun starts it: ``-m models.finetune.worker FOLDER WORKSPACE BASELINE``.

It is tied to its parent before anything else: importing torch takes seconds, in which that may die.
"""

from __future__ import annotations

import sys
from pathlib import Path

from models.finetune.parent_death import end_with_parent

if __name__ == "__main__":
    end_with_parent()

    from models.finetune.training_process import main
    from models.store import Store

    main(Path(sys.argv[1]), Store(Path(sys.argv[2])), sys.argv[3])
