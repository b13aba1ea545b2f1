"""Real photos, a real classifier: maps lie on the animal, and the noise leaves the prediction alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.attribution import attribute
from models.network import Network
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, network_input
from models.torchvision_import import torchvision

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def breeds(real: Path) -> Network:
    names = tuple((real / "weights/mobilenet_v2_pets34.classes.txt").read_text().split())
    path = real / "weights/mobilenet_v2_pets34.pth"
    module = torchvision.models.mobilenet_v2(num_classes=len(names))
    module.load_state_dict(torch.load(path, weights_only=True))
    recipe = Preprocessing(256, 224, IMAGENET_MEAN, IMAGENET_STD)
    return Network(module.eval(), names, recipe, "mobilenet_v2", "breeds", path, head="classifier.1")


Box = tuple[float, float, float, float]

# where the animals are, by eye: left, top, right, bottom as shares of what the network sees
PHOTOS: list[tuple[str, list[Box]]] = [
    ("samoyed/n02111889_1255.jpg", [(0.55, 0.6, 1.0, 1.0)]),
    ("pug/n02110958_13560.jpg", [(0.1, 0.32, 0.55, 0.95), (0.67, 0.05, 0.93, 0.42)]),
]


@pytest.mark.parametrize(("photo", "boxes"), PHOTOS)
@pytest.mark.parametrize("method", ["grad_cam", "smooth_grad", "saliency"])
def test_the_map_lies_on_the_animals(
    breeds: Network, real: Path, photo: str, boxes: list[Box], method: str
) -> None:
    picture = Image.open(real / "pets/val" / photo)
    with torch.no_grad():
        answer = breeds.module(network_input(picture, breeds.preprocessing)[None])[0]
    predicted = int(answer.argmax())
    assert breeds.class_names[predicted] == photo.partition("/")[0]
    relevance = attribute(breeds, picture, predicted, method).relevance
    animals = np.zeros(relevance.shape, bool)
    for box in boxes:
        left, top, right, bottom = (round(share * 224) for share in box)
        animals[top:bottom, left:right] = True
    assert relevance[animals].sum() / relevance.sum() > 1.5 * animals.mean()
    assert animals[np.unravel_index(relevance.argmax(), relevance.shape)]
