"""Values of the metrics, as a test looks at them."""

from workers.runtime import metrics


def value_of(name: str, **labels: str) -> float:
    """Return a metric's present value, 0 before the first time; its name without `handoff_`."""
    return metrics.REGISTRY.get_sample_value(f"handoff_{name}", labels) or 0.0


class Growth:
    """The growth of one metric since the test began to look; tests share the process's metrics."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name, self._labels = name, labels
        self._start = value_of(name, **labels)

    @property
    def by(self) -> float:
        """Return how much it has grown."""
        return value_of(self._name, **self._labels) - self._start
