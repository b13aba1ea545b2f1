"""torchrun, which starts the processes that train together and starts them again when one dies.

It is tied to its parent before anything else: importing torch takes seconds, in which that may die.
"""

from __future__ import annotations

import sys

from models.finetune.parent_death import end_with_parent

if __name__ == "__main__":
    end_with_parent()

    from torch.distributed.run import main

    main(sys.argv[1:])
