"""One progress bar per fit, or one line per epoch."""

from __future__ import annotations

import math
import warnings
from typing import Any

# Without percentage and rate, so that both losses have their place on a line of 80 letters.
_FORMAT = "{desc}: |{bar}| {n_fmt}/{total_fmt} {elapsed}<{remaining}{postfix}"


class Progress:
    """Show how training proceeds.

    Parameters
    ----------
    verbose : int
        0 is silent, 1 shows a bar, 2 prints one line per epoch.
    epochs : int
        Epochs, at most.
    description : str
        What is being trained.
    """

    def __init__(self, verbose: int, epochs: int, description: str) -> None:
        self.verbose = int(verbose)
        self.epochs = epochs
        self.description = description
        self._bar: Any = None

    def __enter__(self) -> Progress:
        """Open the bar."""
        if self.verbose == 1:
            with warnings.catch_warnings():
                # In a notebook without ipywidgets tqdm warns at its import, and shows text.
                warnings.simplefilter("ignore")
                from tqdm.auto import tqdm

            self._bar = tqdm(total=self.epochs, desc=self.description, bar_format=_FORMAT)
        return self

    def epoch(self, number: int, loss: float, validation_loss: float) -> None:
        """Show an epoch.

        Parameters
        ----------
        number : int
            Epochs done.
        loss, validation_loss : float
            Losses; a validation loss of NaN is not shown.
        """
        figures = {"loss": f"{loss:.4g}"}
        if not math.isnan(validation_loss):
            figures["val_loss"] = f"{validation_loss:.4g}"
        if self._bar is not None:
            self._bar.set_postfix(figures, refresh=False)
            self._bar.update()
        elif self.verbose >= 2:
            shown = "  ".join(f"{name} {value}" for name, value in figures.items())
            line = f"{self.description}  epoch {number}/{self.epochs}  {shown}"
            print(line)  # noqa: T201 (what verbose=2 asks for)

    def __exit__(self, *exception: object) -> None:
        """Close the bar where training stopped."""
        if self._bar is not None:
            self._bar.total = self._bar.n
            self._bar.close()
