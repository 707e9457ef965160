"""Pure functions on long sequences in segments of time, whose arrays stay in the caches.

An operation on the whole of a long sequence writes an array that the caches cannot hold, into
memory that the system hands out afresh at every step. In segments, the work per time step is the
same for long and for short sequences.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from skconvattn.layers.ops.windows import cut

# Time steps of a segment. Shorter ones were not faster, and every segment is traced.
SEGMENT = 2048

# More segments take too long to trace; they become longer instead.
MOST_SEGMENTS = 8

# How many times longer a segment is, at least, than the steps that it shares with others.
LEAST_SHARE = 8


def segments(x: Any, mask: Any, shared: int = 0, times: int = 1) -> list[tuple[Any, Any]]:
    """Split a sequence and its mask.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels)
        A sequence.
    mask : boolean tensor of shape (batch, time) or None
        True where a step is valid.
    shared : int, default=0
        Time steps by which a segment will be extended.
    times : int, default=1
        How many times longer segments are than usual, for functions of many operations per segment.

    Returns
    -------
    list of pairs
        Each segment and its mask; all in one if the sequence is short or of unknown length.
    """
    n_timepoints = x.shape[1]
    if n_timepoints is None or n_timepoints <= times * SEGMENT:
        return [(x, mask)]
    length = max(times * SEGMENT, -(-n_timepoints // MOST_SEGMENTS), LEAST_SHARE * shared)
    starts = list(range(length, n_timepoints, length))
    # Unlike that of many slices, the gradient of a split is one concatenation.
    parts = ops.split(x, starts, axis=1)
    masks = [None] * len(parts) if mask is None else ops.split(mask, starts, axis=1)
    return list(zip(parts, masks, strict=True))


def in_segments(
    function: Callable[[Any, Any], Any],
    x: Any,
    mask: Any,
    before: int,
    after: int,
    times: int = 1,
) -> Any:
    """Apply a function of the steps around each step to one segment after the other.

    Parameters
    ----------
    function : callable
        Maps (batch, time, channels) and a mask (batch, time) or None to (batch, time, units). What
        it returns for a step depends on no step further away than ``before`` and ``after``, and
        not on where in the sequence the step is.
    x : tensor of shape (batch, time, channels)
        A sequence; its length may be unknown.
    mask : boolean tensor of shape (batch, time) or None
        True where a step is valid.
    before, after : int
        How many steps the function sees on either side.
    times : int, default=1
        As in :func:`segments`.

    Returns
    -------
    tensor of shape (batch, time, units)
        What the function returns for the whole sequence.
    """
    parts = segments(x, mask, before + after, times)
    if len(parts) == 1:
        return function(x, mask)
    sequences, masks = zip(*parts, strict=True)
    outputs = []
    for i, part in enumerate(sequences):
        valid = None if mask is None else _extended(masks, i, before, after)
        seen = function(_extended(sequences, i, before, after), valid)
        outputs.append(cut(seen, 1, before if i else 0, part.shape[1]))
    return ops.concatenate(outputs, axis=1)


def _extended(parts: tuple[Any, ...], i: int, before: int, after: int) -> Any:
    """Put a segment between the last steps of the one before and the first of the one after."""
    pieces = [parts[i]]
    if i > 0 and before > 0:
        pieces.insert(0, cut(parts[i - 1], 1, parts[i - 1].shape[1] - before, before))
    if i + 1 < len(parts) and after > 0:
        # The last segment may be shorter than what the one before it would see.
        pieces.append(cut(parts[i + 1], 1, 0, min(after, parts[i + 1].shape[1])))
    return ops.concatenate(pieces, axis=1) if len(pieces) > 1 else pieces[0]
