import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw

from processing.engine import catalog, matte
from processing.engine.sessions import SessionCache

U2NET = catalog.read()["u2net"]


def matte_values(prediction: np.ndarray, model: catalog.Model = U2NET) -> list[list[int]]:
    channels = prediction.astype(np.float32).reshape(-1, 2, 2)
    values: list[list[int]] = np.asarray(matte.full_size_matte(channels, model, (2, 2))).tolist()
    return values


def test_a_prediction_is_stretched_to_the_full_range() -> None:
    assert matte_values(np.array([0.1, 0.3, 0.5, 0.9])) == [[0, 63], [127, 255]]


@pytest.mark.parametrize("prediction", [[0.0] * 4, [0.7] * 4, [0.0, 0.3, 0.05, 0.0], [float("nan")] * 4])
def test_a_flat_prediction_is_no_foreground(prediction: list[float]) -> None:
    assert matte_values(np.array(prediction)) == [[0, 0], [0, 0]]


def test_a_sigmoid_comes_before_the_stretch() -> None:
    model = catalog.read()["birefnet-general"]
    assert matte_values(np.array([-900.0, 0.0, 0.0, 900.0]), model) == [[0, 127], [127, 255]]


def test_every_class_of_clothes_is_foreground() -> None:
    model = catalog.read()["u2net_cloth_seg"]
    background, upper, lower = [9, 1, 0, 0], [0, 5, 0, 0], [0, 0, 5, -1]
    assert matte_values(np.array([background, upper, lower]), model) == [[0, 255], [255, 0]]


@pytest.mark.parametrize(
    ("model", "colour"),
    [("u2netp", "black"), ("u2netp", "white"), ("u2netp", "red"), ("u2net", "white"), ("isnet-general-use", "navy")],
)
def test_a_plain_picture_has_no_foreground(model: str, colour: str, sessions: SessionCache) -> None:
    session = sessions.get(model)
    plain = Image.new("RGB", (300, 200), colour)
    prediction = session.predict(matte.network_input(plain, session.model))
    assert matte.full_size_matte(prediction, session.model, plain.size).getextrema() == (0, 0)


@pytest.mark.parametrize(("model", "name"), [("u2netp", "grass"), ("u2net", "brick"), ("isnet-general-use", "gravel")])
def test_a_texture_has_no_foreground(model: str, name: str, sessions: SessionCache) -> None:
    texture = Image.fromarray(getattr(skimage.data, name)()).convert("RGB").resize((640, 480))
    assert found(texture, model, sessions).getextrema() == (0, 0)


@pytest.mark.parametrize("model", ["u2netp", "u2net", "isnet-general-use"])
def test_a_small_object_is_foreground(model: str, sessions: SessionCache) -> None:
    paper = Image.new("RGB", (640, 480), (245, 245, 245))
    ImageDraw.Draw(paper).ellipse((294, 234, 306, 246), (200, 40, 30))
    result = found(paper, model, sessions)
    assert result.crop((295, 235, 305, 245)).getextrema()[1] > 240  # type: ignore[operator]
    assert result.getpixel((30, 30)) == 0


def found(photo: Image.Image, model: str, sessions: SessionCache) -> Image.Image:
    session = sessions.get(model)
    prediction = session.predict(matte.network_input(photo, session.model))
    return matte.full_size_matte(prediction, session.model, photo.size)


def test_smoothing_removes_specks_and_keeps_what_is_large() -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[5, 5] = 255
    mask[20:50, 20:50] = 255
    smoothed = np.asarray(matte.smoothed(Image.fromarray(mask)))
    assert set(np.unique(smoothed)) == {0, 255}
    assert smoothed[5, 5] == 0
    assert smoothed[35, 35] == 255
