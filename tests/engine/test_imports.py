"""A web process has neither numpy nor a runtime: what it needs of the engine does without."""

import subprocess
import sys

WEB_MODULES = ("catalog", "decode", "errors", "formats", "options", "placement", "weights")
HEAVY = ("numpy", "onnx", "onnxruntime", "openvino", "scipy")


def test_what_the_web_needs_imports_nothing_heavy() -> None:
    imports = "; ".join(f"import processing.engine.{name}" for name in WEB_MODULES)
    program = f"import sys; {imports}; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_what_only_tuning_needs_is_not_imported_by_workers() -> None:
    program = "import sys; import processing.engine.cutout; print('onnx' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
