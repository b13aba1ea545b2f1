"""Small networks, feeds and runs on which the training loop is tested."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.finetune.phase import Feed, Group, Phase
from models.finetune.recipe import Recipe
from models.finetune.run import Ranks
from models.finetune.training import Trained, training_steps
from models.progress import Progress
from models.torchvision_import import torchvision

CPU = torch.device("cpu")
N_CLASSES = 3
TIMES = ("seconds", "images_per_second")


class TensorFeed:
    """Tensors in memory; each version of an image is shifted a little, in its own way."""

    def __init__(self, inputs: Tensor, labels: Tensor, shift: float = 0.0) -> None:
        self.inputs, self.labels, self.shift = inputs, labels, shift
        self.asked: list[tuple[list[int], int]] = []

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, rows: Sequence[int], view: int) -> Tensor:
        self.asked.append((list(rows), view))
        return self.inputs[list(rows)] + self.shift * view


@dataclass
class RecordingRun:
    """A run that keeps its diary in memory, and may be told to stop after so many batches."""

    folder: Path
    stop_after: int | None = None
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    asked: int = 0

    def should_stop(self) -> bool:
        self.asked += 1
        return self.stop_after is not None and self.asked > self.stop_after

    def note(self, event: str, **details: Any) -> None:
        self.events.append((event, details))

    def log(self, message: str) -> None:
        self.sentences.append(message)

    def noted(self, event: str) -> list[dict[str, Any]]:
        return [details for name, details in self.events if name == event]


class SmallNet(nn.Module):
    """Convolutions with batch norm, stochastic depth and dropout: all that draws, and all that looks at a batch.

    No biases before the norms: their gradients are rounding errors, which AdamW makes as large as any other step.
    """

    def __init__(self, dropout: float = 0.4, depth: float = 0.3) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU())
        self.depth = torchvision.ops.StochasticDepth(depth, "row")
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(6, N_CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        seen = self.stem(images)
        seen = seen + self.depth(self.block(seen))
        answers: Tensor = self.head(seen.mean((2, 3)))
        return answers


def seeded(build: type[nn.Module] = SmallNet, seed: int = 0, **arguments: Any) -> nn.Module:
    """A network with random weights, whatever the global generator did before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(**arguments)


def image_feeds(n: int = 21, n_validation: int = 10, shift: float = 0.1) -> tuple[TensorFeed, TensorFeed]:
    """Images of 6 x 6 whose colour says their class, noisily: (training, validation)."""
    draws = torch.Generator().manual_seed(5)
    labels = torch.arange(n + n_validation) % N_CLASSES
    inputs = torch.randn(n + n_validation, 3, 6, 6, generator=draws)
    inputs += 0.7 * nn.functional.one_hot(labels, N_CLASSES)[:, :, None, None]
    return TensorFeed(inputs[:n], labels[:n], shift), TensorFeed(inputs[n:], labels[n:])


def whole_phase(
    module: nn.Module,
    feeds: tuple[Feed, Feed],
    epochs: int,
    factors: Sequence[float] = (0.3, 1.0),
    **changes: Any,
) -> Phase:
    """A phase in which all of a `SmallNet` learns: its convolutions and its head as two groups."""
    head = [*module.get_submodule("head").parameters()]
    rest = [each for name, each in module.named_parameters() if not name.startswith("head")]
    groups = (Group("rest", tuple(rest), factors[0]), Group("head", tuple(head), factors[1]))
    phase = Phase("Whole", module, module, groups, (module,), epochs, *feeds)
    return replace(phase, **changes)


def head_phase(module: nn.Module, feeds: tuple[Feed, Feed], epochs: int, **changes: Any) -> Phase:
    """A phase in which the head of a `SmallNet` learns alone."""
    head = module.get_submodule("head")
    groups = (Group("head", tuple(head.parameters()), 1.0),)
    return replace(Phase("Head", module, module, groups, (head,), epochs, *feeds), **changes)


def driven(steps: Generator[Progress, None, Trained], reports: list[Progress] | None = None) -> Trained:
    """Run a training to its end."""
    try:
        while True:
            report = next(steps)
            if reports is not None:
                reports.append(report)
    except StopIteration as end:
        result: Trained = end.value
        return result


def trained(
    phases: Sequence[Phase], recipe: Recipe, run: RecordingRun, ranks: Ranks | None = None
) -> Trained:
    """What comes of a training on the processor."""
    return driven(training_steps(phases, recipe, run, device=CPU, ranks=ranks))


def weights(module: nn.Module) -> dict[str, Tensor]:
    """A copy of all that a network holds."""
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether two networks are equal, bit for bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def without_times(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A history without what the clock says."""
    return [{key: value for key, value in row.items() if key not in TIMES} for row in history]


def batches_of(rows: Sequence[int], size: int) -> Iterator[list[int]]:
    """Rows in pieces."""
    for start in range(0, len(rows), size):
        yield list(rows[start : start + size])
