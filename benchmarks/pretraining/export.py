"""Write the averaged weights of a training run as the file that the package reads.

    python benchmarks/pretraining/export.py --folder FOLDER [--width 192] [--layers 4]

takes ``FOLDER/averages.npz``, which ``train.py`` writes, and replaces
``skconvattn/pretrained/attention.zip``.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import numpy as np

from skconvattn.networks.pretrained import LEVELS, pretrained_network
from skconvattn.persistence.archive import MANIFEST, write_archive

WEIGHTS = Path(__file__).resolve().parents[2] / "skconvattn" / "pretrained" / "attention.zip"
N_HEADS = 4


def write_weights(averages: Path, width: int, n_layers: int, path: Path = WEIGHTS) -> None:
    """Write averaged weights in the container of saved estimators: JSON and NumPy arrays."""
    model = pretrained_network(width, n_layers, N_HEADS)
    names = [variable.path for variable in model.trainable_variables]
    shapes = [tuple(variable.shape) for variable in model.trainable_variables]
    with np.load(averages) as saved:
        arrays = [saved[name] for name in saved.files]
    if [array.shape for array in arrays] != shapes:
        raise SystemExit(f"{averages} is not of a network of width {width} and {n_layers} layers.")
    described = {"weights": names, "levels": LEVELS, "n_heads": N_HEADS}
    members = {MANIFEST: json.dumps(described).encode()}
    for i, array in enumerate(arrays):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array.astype("<f4"), version=(1, 0), allow_pickle=False)
        members[f"arrays/{i}.npy"] = buffer.getvalue()
    write_archive(path, members)


def main() -> None:
    """Export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=4)
    given = parser.parse_args()
    write_weights(given.folder / "averages.npz", given.width, given.layers)
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size} bytes")


if __name__ == "__main__":
    main()
