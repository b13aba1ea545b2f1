"""Trains the sample's checkpoint on the train split, from random weights, on one processor core.

    python -m sample_data.train [--output FOLDER] [--epochs N]

Writes the plain state dict of a torchvision network, its class names, its preprocessing, and what it
gets right and wrong on the validation split (into ``planted.json``).
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from models.store import write_bytes, write_json
from models.torchvision_import import torchvision

ARCHITECTURE = "shufflenet_v2_x0_5"
PREPROCESSING = {
    "resize": 160,
    "crop": 160,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "interpolation": "bilinear",
    "grayscale": False,
}
SIDE = 160
EPOCHS = 50
BATCH = 32
DIM_SHARE = 0.2
PEAK_RATE = 0.004
DECAY = 0.02
SEED = 7
HERE = Path(__file__).resolve().parent


def split_files(split: Path) -> tuple[list[Path], Tensor, list[str]]:
    """The files of a split, their labels (N,) and the class names, all in sorted order."""
    names = sorted(folder.name for folder in split.iterdir() if folder.is_dir())
    files = [
        (path, label) for label, name in enumerate(names) for path in sorted((split / name).glob("*.jpg"))
    ]
    return [path for path, _ in files], torch.tensor([label for _, label in files]), names


def tensor(path: Path | IO[bytes]) -> Tensor:
    """A picture as (3, SIDE, SIDE) in 0..1, resized as the preprocessing says."""
    with Image.open(path) as image:
        resized = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1).contiguous().float() / 255


def normalised(batch: Tensor) -> Tensor:
    """A batch (B, 3, H, W) in 0..1 as the network wants it."""
    mean, std = (torch.tensor(PREPROCESSING[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    return (batch - mean) / std


def augmented(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Mirrored, moved, scaled and turned a little, with another exposure and contrast."""
    n = len(batch)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    angle, scale = uniform(-0.15, 0.15), uniform(0.84, 1.12)
    flip = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [torch.stack([cosine * flip, -sine, uniform(-0.09, 0.09)], 1),
            torch.stack([sine * flip, cosine, uniform(-0.09, 0.09)], 1)]  # fmt: skip
    grid = F.affine_grid(torch.stack(rows, 1), list(batch.shape), align_corners=False)
    moved = F.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)
    gain = torch.where(uniform(0, 1) < DIM_SHARE, uniform(0.2, 0.7), uniform(0.7, 1.2)).view(n, 1, 1, 1)
    contrast = uniform(0.8, 1.2).view(n, 1, 1, 1)
    tint = 1 + (torch.rand(n, 3, 1, 1, generator=generator) - 0.5) * 0.1
    centre = moved.mean((1, 2, 3), keepdim=True)
    return (((moved - centre) * contrast + centre) * gain * tint).clamp(0, 1)


def trained(pictures: Tensor, labels: Tensor, n_classes: int, epochs: int) -> nn.Module:
    """A network trained from random weights.

    Args:
        pictures: (N, 3, SIDE, SIDE) in 0..1.
        labels: (N,).
        n_classes: C.
        epochs: passes over all pictures.
    """
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    network: nn.Module = torchvision.models.get_model(ARCHITECTURE, num_classes=n_classes).to(
        memory_format=torch.channels_last
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=DECAY)
    steps = epochs * (len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=steps, pct_start=0.2)
    for epoch in range(epochs):
        loss = _epoch(network, pictures, labels, optimiser=optimiser, schedule=schedule, generator=generator)
        print(f"epoch {epoch + 1}/{epochs}: loss {loss:.3f}", flush=True)
    return network.eval()


def _epoch(
    network: nn.Module,
    pictures: Tensor,
    labels: Tensor,
    *,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.OneCycleLR,
    generator: torch.Generator,
) -> float:
    network.train()
    losses = []
    for chosen in torch.split(torch.randperm(len(labels), generator=generator), BATCH):
        if len(chosen) < BATCH:
            continue
        batch = normalised(augmented(pictures[chosen], generator)).contiguous(
            memory_format=torch.channels_last
        )
        loss = F.cross_entropy(network(batch), labels[chosen], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


def predicted(network: nn.Module, pictures: Tensor) -> Tensor:
    """Probabilities (N, C)."""
    with torch.inference_mode():
        return torch.cat([network(normalised(batch)).softmax(1) for batch in torch.split(pictures, 64)])


def measured(network: nn.Module, output: Path, planted: Mapping[str, Any]) -> dict[str, Any]:
    """What the network gets right and wrong on the validation split, unreadable files left out.

    Args:
        network: in evaluation mode.
        output: the folder that holds ``pets/``.
        planted: what planted.json holds.
    """
    root = output / "pets"
    paths, labels, names = split_files(root / "val")
    corrupt = {root / entry["path"] for entry in planted["corrupt"]}
    kept = [index for index, path in enumerate(paths) if path not in corrupt]
    answers = predicted(network, torch.stack([tensor(paths[index]) for index in kept])).argmax(1).tolist()
    truth = [int(labels[index]) for index in kept]
    rows = [(paths[index].relative_to(root).as_posix(), names[label], names[answer])
            for index, label, answer in zip(kept, truth, answers, strict=True)]  # fmt: skip
    return _summary(rows, planted)


def _summary(rows: list[tuple[str, str, str]], planted: Mapping[str, Any]) -> dict[str, Any]:
    """Accuracy, confusions and planted errors of rows (path, label, predicted)."""
    groups, dark = planted["groups"], set(planted["low_light"])
    wrong = [row for row in rows if row[1] != row[2]]
    confusions = Counter(f"{label}/{answer}" for _, label, answer in wrong)
    dark_rows = [row for row in rows if row[0] in dark]
    lit_rows = [row for row in rows if row[0] not in dark]
    crossing = [row for row in wrong if groups[row[1]] != groups[row[2]]]
    return {
        "n_images": len(rows),
        "accuracy": _share_right(rows),
        "low_light_accuracy": _share_right(dark_rows),
        "other_accuracy": _share_right(lit_rows),
        "confusions": dict(sorted(confusions.items(), key=lambda item: (-item[1], item[0]))),
        "cross_species_errors": [
            {"path": path, "label": label, "predicted": answer} for path, label, answer in crossing
        ],
    }


def _share_right(rows: Sequence[tuple[str, str, str]]) -> float | None:
    return round(sum(label == answer for _, label, answer in rows) / len(rows), 4) if rows else None


def write_checkpoint(network: nn.Module, names: Sequence[str], output: Path) -> None:
    """The state dict, and beside it the class names and the preprocessing."""
    buffer = io.BytesIO()
    weights = {key: value.detach().clone().contiguous() for key, value in network.state_dict().items()}
    torch.save(weights, buffer)
    write_bytes(output / f"{ARCHITECTURE}.pth", buffer.getvalue())
    write_bytes(output / f"{ARCHITECTURE}.classes.txt", "".join(f"{name}\n" for name in names).encode())
    write_json(output / f"{ARCHITECTURE}.preprocessing.json", PREPROCESSING)


def opened(output: Path, n_classes: int) -> nn.Module:
    """The written network, in evaluation mode."""
    network: nn.Module = torchvision.models.get_model(ARCHITECTURE, num_classes=n_classes)
    network.load_state_dict(torch.load(output / f"{ARCHITECTURE}.pth", weights_only=True))
    return network.eval()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.train", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=HERE, help="folder that holds pets/ (default: %(default)s)"
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--measure-only", action="store_true", help="measure the checkpoint that is there")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if not options.measure_only:
        paths, labels, names = split_files(options.output / "pets" / "train")
        network = trained(torch.stack([tensor(path) for path in paths]), labels, len(names), options.epochs)
        write_checkpoint(network, names, options.output)
    truth = json.loads((options.output / "planted.json").read_text())
    network = opened(options.output, len(truth["classes"]))
    truth["measured"] = measured(network, options.output, truth)
    write_json(options.output / "planted.json", truth)
    print(json.dumps(truth["measured"], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
