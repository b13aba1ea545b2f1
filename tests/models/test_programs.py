"""Programs open only with trust, and predict what the module predicted, at any batch size."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.checkpoint import inspect_checkpoint, load_checkpoint
from models.errors import CheckpointError, CheckpointNotTrusted, PreprocessingError
from models.forward import logits_and_embeddings
from models.network import Network
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

SIDE = 48
NOTHING = nn.Identity()


class Small(nn.Module):
    """A network that no torchvision classifier is."""

    def __init__(self, end: Callable[[Tensor], Any] = NOTHING, classes: int = 5) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=2)
        self.norm = nn.BatchNorm2d(6)
        self.fc = nn.Linear(6, classes)
        self.end = end

    def forward(self, images: Tensor) -> Any:
        return self.end(self.fc(self.norm(self.conv(images)).relu().mean((2, 3))))


def small(end: Callable[[Tensor], Any] = NOTHING, classes: int = 5) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Small(end, classes).eval()


def traced(module: nn.Module, path: Path, **extra: str) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        program = torch.jit.trace(module, torch.zeros(1, 3, SIDE, SIDE))
        torch.jit.save(
            program, str(path), _extra_files={f"{key}.json": value for key, value in extra.items()}
        )
    return path


def exported(module: nn.Module, path: Path, n: int = 1, dynamic: Any = None, side: int = SIDE) -> Path:
    program = torch.export.export(module, (torch.zeros(n, 3, side, side),), dynamic_shapes=dynamic)
    torch.export.save(program, path, extra_files={"classes.json": '["a", "b", "c", "d", "e"]'})
    return path


def batch(n: int, side: int = SIDE) -> Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(n))


def assert_predicts(network: Network, module: nn.Module, sizes: tuple[int, ...] = (1, 2, 5)) -> None:
    for n in sizes:
        with torch.inference_mode():
            logits, embeddings = logits_and_embeddings(network, batch(n))
            torch.testing.assert_close(logits, module(batch(n)))
        assert embeddings is None


@pytest.mark.parametrize("open_file", [inspect_checkpoint, load_checkpoint])
@pytest.mark.parametrize("kind", ["TorchScript", "torch.export"])
def test_without_trust_nothing_is_opened(open_file: Callable[..., Any], kind: str, tmp_path: Path) -> None:
    make = traced if kind == "TorchScript" else exported
    path = make(small(), tmp_path / "program.pt2")
    with pytest.raises(CheckpointNotTrusted, match=f"is a {kind} program: opening it runs code") as caught:
        open_file(path)
    assert "trust" in caught.value.next_step


def test_torchscript_predicts_and_has_gradients(tmp_path: Path) -> None:
    module = small()
    path = traced(module, tmp_path / "program.pt", class_names='["a", "b", "c", "d", "e"]')
    network = load_checkpoint(path, trust_code=True)
    assert (network.kind, network.architecture, network.head) == ("torchscript", "torchscript", None)
    assert network.class_names == ("a", "b", "c", "d", "e")
    assert_predicts(network, module)
    images = batch(2).requires_grad_()
    network.module(images)[:, 1].sum().backward()
    expected = batch(2).requires_grad_()
    module(expected)[:, 1].sum().backward()
    torch.testing.assert_close(images.grad, expected.grad)


def test_scripted_program_opens(tmp_path: Path) -> None:
    module = small()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(module), str(tmp_path / "program.pt"))
    assert_predicts(load_checkpoint(tmp_path / "program.pt", trust_code=True), module)


@pytest.mark.parametrize(
    ("n", "dynamic", "words"),
    [
        (1, None, ""),
        (4, None, "takes 4 images at a time"),
        (2, ({0: torch.export.Dim("batch", min=2, max=3)},), "takes 2 images at a time"),
        (2, ({0: torch.export.Dim("batch")},), ""),
    ],
)
def test_exported_program_takes_any_batch(n: int, dynamic: Any, words: str, tmp_path: Path) -> None:
    module = small()
    path = exported(module, tmp_path / "program.pt2", n, dynamic)
    network = load_checkpoint(path, trust_code=True)
    assert (network.kind, network.architecture) == ("export", "torch.export")
    assert network.class_names == ("a", "b", "c", "d", "e")
    assert network.preprocessing.input_size() == (SIDE, SIDE)
    assert_predicts(network, module, (1, 2, 3, 4, 9))
    assert words in inspect_checkpoint(path, trust_code=True).wrapper
    images = batch(3).requires_grad_()
    network.module(images).sum().backward()
    assert images.grad is not None
    assert (images.grad.abs().sum((1, 2, 3)) > 0).all()


def test_exported_program_of_fixed_size_refuses_other_sizes(tmp_path: Path) -> None:
    path = exported(small(), tmp_path / "program.pt2")
    other = Preprocessing(72, 64, IMAGENET_MEAN, IMAGENET_STD)
    with pytest.raises(
        PreprocessingError, match=r"48 x 48 pixels only, but the preprocessing gives 64 x 64"
    ) as caught:
        load_checkpoint(path, trust_code=True, preprocessing=other)
    assert caught.value.next_step == "Set the crop to (48, 48)."


def test_exported_program_of_any_size_follows_the_preprocessing(tmp_path: Path) -> None:
    auto = torch.export.Dim.AUTO
    path = exported(small(), tmp_path / "program.pt2", 2, ({0: auto, 2: auto, 3: auto},))
    assert load_checkpoint(path, trust_code=True).preprocessing.input_size() == (SIDE, SIDE)
    other = Preprocessing(72, 64, IMAGENET_MEAN, IMAGENET_STD)
    network = load_checkpoint(path, trust_code=True, preprocessing=other)
    with torch.inference_mode():
        assert network.module(batch(3, 64)).shape == (3, 5)


def test_a_softmax_at_the_end_is_undone(tmp_path: Path) -> None:
    path = traced(small(nn.Softmax(dim=1)), tmp_path / "program.pt")
    assert "ends in a softmax" in inspect_checkpoint(path, trust_code=True).wrapper
    network = load_checkpoint(path, trust_code=True)
    with torch.inference_mode():
        expected = small()(batch(4)).softmax(1)
        torch.testing.assert_close(network.module(batch(4)).softmax(1), expected)


class Fixed(nn.Module):
    """Works with 64 x 64 pixels only."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3 * 64 * 64, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(images.flatten(1))  # type: ignore[no-any-return]


def test_a_size_that_works_is_found(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(Fixed()), str(tmp_path / "program.pt"))
    assert load_checkpoint(tmp_path / "program.pt", trust_code=True).preprocessing.crop == 64


class Pair(nn.Module):
    def forward(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        return logits, logits


class Summed(nn.Module):
    def forward(self, logits: Tensor) -> Tensor:
        return logits.sum()


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "two outputs": (lambda path: traced(small(Pair()), path), "gives a tuple, where one tensor"),
    "no row for each image": (lambda path: traced(small(Summed()), path), r"output of shape \(\) for one image"),
    "one class": (lambda path: traced(small(classes=1), path), r"output of shape \(1, 1\)"),
    "gray images": (
        lambda path: torch.jit.save(torch.jit.script(nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten())), str(path)),
        "cannot take an image of 224 x 224",
    ),
    "damaged code": (lambda path: damaged(traced(small(), path), "code/"), "damaged TorchScript program"),
    "damaged export": (lambda path: damaged(exported(small(), path), "model.json"), "damaged torch.export program"),
    "two inputs": (
        lambda path: torch.export.save(
            torch.export.export(nn.Bilinear(3, 3, 2), (torch.zeros(1, 3), torch.zeros(1, 3))), path
        ),
        "takes 2 inputs",
    ),
}  # fmt: skip


def damaged(path: Path, part: str) -> Path:
    """Overwrite one member of the zip with nonsense of the same length."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        members = [(each, archive.read(each)) for each in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in members:
            archive.writestr(each.filename, b"?" * len(content) if part in each.filename else content)
    return path


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("fault", BAD)
def test_programs_that_cannot_be_used_say_why(
    fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make, words = BAD[fault]
    make(tmp_path / "program.pt2")
    with pytest.raises(CheckpointError, match=words) as caught:
        load_checkpoint(tmp_path / "program.pt2", trust_code=True)
    assert caught.value.next_step
    assert not [each for each in caplog.records if each.levelname in ("WARNING", "ERROR")]
