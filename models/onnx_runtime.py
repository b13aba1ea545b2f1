"""ONNX Runtime, which is installed only where somebody wants it. Importing this module imports neither it nor torch."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

INSTALL = 'Run "make onnx" in Errorscope\'s folder once (about 110 MB), then start Errorscope again.'
"""What to do where it is missing."""


def has_onnx_runtime() -> bool:
    """Whether an ONNX file can be opened and made here."""
    return all(find_spec(name) is not None for name in ("onnxruntime", "onnx"))


def onnx_session(content: bytes, threads: int = 1) -> Any:
    """A network of an ONNX file, ready to run on the processor.

    The file's bytes are given, not its path: so nothing breaks when the file is written anew, and a file cannot name
    others to be read.

    Args:
        content: of the file.
        threads: that one image is computed with.

    Raises:
        ImportError: ONNX Runtime is not installed.
        Exception: whatever it raises for a file that it cannot read.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def session_metadata(session: Any) -> Mapping[str, str]:
    """The texts that somebody wrote into the file."""
    return {str(key): str(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
