"""Makes the reference masks in tests/engine/goldens/ with rembg itself.

    U2NET_HOME=<folder with u2net.onnx, u2netp.onnx, isnet-general-use.onnx> MODEL_CHECKSUM_DISABLED=1 \\
        python tests/engine/make_goldens.py

Needs rembg[cpu]==2.0.86 (scikit-image, which ships the photographs, comes with it) in an environment of its own. The
checksum is disabled because the IS-Net with 16-bit weights is not the file that rembg publishes.
"""

from pathlib import Path

import skimage
from PIL import Image
from rembg import new_session, remove  # type: ignore[import-not-found, unused-ignore]

GOLDENS = Path(__file__).parent / "goldens"
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee")
MODELS = ("u2net", "u2netp", "isnet-general-use")


def main() -> None:
    for model in MODELS:
        session = new_session(model, providers=["CPUExecutionProvider"])
        for name in PHOTOGRAPHS:
            photograph = Image.fromarray(getattr(skimage.data, name)())
            mask = remove(photograph, session=session, only_mask=True)
            mask.save(GOLDENS / f"{name}-{model}.png", optimize=True)
            if model == "u2net":
                smooth = remove(photograph, session=session, only_mask=True, post_process_mask=True)
                smooth.save(GOLDENS / f"{name}-{model}-smoothed.png", optimize=True)


if __name__ == "__main__":
    main()
