"""A network's forward as a graph of operations, followed without disturbing other threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from torch import fx, nn

_LEAVES = ("torch.nn.", "torchvision.ops.")
_TRACING = threading.Lock()


class _Tracer(fx.Tracer):
    """Follows one thread alone.

    While ``torch.fx`` follows a forward, every module's call in the whole process comes by here: calls from
    other threads (a prediction, a page that explains an image) go on as if nothing was there.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """The layers of torch and torchvision, but not what only calls others one after another."""
        return f"{type(m).__module__}.".startswith(_LEAVES) and not isinstance(m, nn.Sequential)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Follow a call, if it is this thread's."""
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Follow the use of a weight, if it is this thread's."""
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


def traced(module: nn.Module) -> fx.Graph | None:
    """The operations of a network's forward, in order.

    Args:
        module: the network, in the mode (training or evaluation) whose branches are wanted.

    Returns:
        A graph whose parts are layers of torch and torchvision, functions and weights; None where the forward
        decides by what is in the image, or does what cannot be followed.
    """
    with _TRACING:
        try:
            return _Tracer().trace(module)
        except Exception:  # noqa: BLE001 - any code of a forward may stumble over a stand-in for a tensor
            return None
