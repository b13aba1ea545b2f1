"""One calibrated network of each family, as the attributions are tested with."""

from tests.analysis.attribution.conftest import family, nothing_left, one_thread, small_network

__all__ = ["family", "nothing_left", "one_thread", "small_network"]
