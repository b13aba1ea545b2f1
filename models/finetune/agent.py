"""torchrun, which starts the processes that train together and starts them again when one dies."""

from __future__ import annotations

import sys

from torch.distributed.run import main

from models.finetune.parent_death import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    main(sys.argv[1:])
