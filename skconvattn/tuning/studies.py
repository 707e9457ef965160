"""Studies of Optuna: opened, resumed after an interruption, worked on, and read as a table."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.tuning.pruning import Reports
from skconvattn.tuning.spaces import SearchSpace, suggested

# What is kept of a trial beside Optuna's own record.
_PROCESS, _REASON, _SAME_AS = "process", "reason", "same_as"
# Trials that threads of this process are at, by study and number.
_AT_WORK: set[tuple[str, int]] = set()
# Seconds that a process waits for another one that writes to the same SQLite file.
_WAIT = 60.0
# Times that a file is opened again while another process makes its tables, and seconds between.
_TRIES, _PAUSE = 5, 0.2

Objective = Callable[[dict[str, Any], Reports], float]


@dataclass(frozen=True)
class Budget:
    """How long a search goes on.

    Attributes
    ----------
    n_trials : int or None
        Trials of the study, earlier ones that were finished included.
    timeout : float or None
        Seconds.
    """

    n_trials: int | None
    timeout: float | None

    def deadline(self) -> float | None:
        """Return when a search that begins now has to end, on the clock of ``time.monotonic``."""
        return None if self.timeout is None else time.monotonic() + self.timeout


def open_study(
    storage: Any, name: str | None, direction: Any, sampler: Any, pruner: Any, *, resume: bool
) -> Any:
    """Create a study, or take one up.

    Parameters
    ----------
    storage : str, Path, optuna.storages.BaseStorage or None
        URL of Optuna, path of a SQLite file, or a storage; None for memory.
    name : str or None
        Name of the study; "skconvattn" in a storage that outlives the process.
    direction : {"minimize", "maximize"}
        Whether low or high scores are better.
    sampler : optuna.samplers.BaseSampler or None
        Sampler.
    pruner : optuna.pruners.BasePruner
        Pruner.
    resume : bool
        Whether to take up a study of that name. Its trials that were cut off are tried again.

    Returns
    -------
    optuna.Study
        The study.

    Raises
    ------
    ValueError
        If there is a study of that name already and ``resume`` is false, or if it was searched in
        the other direction.
    """
    import optuna

    if storage is not None and name is None:
        name = "skconvattn"
    with quiet_optuna():
        try:
            study = optuna.create_study(
                storage=_opened(storage),
                study_name=name,
                direction=direction,
                sampler=sampler,
                pruner=pruner,
                load_if_exists=resume,
            )
        except optuna.exceptions.DuplicatedStudyError:
            raise ValueError(
                f"storage={str(storage)!r} has a study {name!r} already; use resume=True to go on "
                "with it, or another study_name."
            ) from None
        if study.direction.name.lower() != direction:
            raise ValueError(
                f"study_name={name!r} was searched to {study.direction.name.lower()} its scores, "
                f"and scoring asks to {direction} them; use another study_name."
            )
        if resume:
            _try_again_what_was_cut_off(study)
    return study


def work(
    study: Any,
    space: Mapping[str, Any],
    objective: Objective,
    budget: Budget,
    *,
    seed: int | None,
    progress_bar: bool,
) -> Exception | None:
    """Try parameters until the budget is spent, and return the first error of a trial.

    A trial that fails is recorded with its reason, and the search goes on. Parameters that were
    tried before get the score that they had.

    Parameters
    ----------
    study : optuna.Study
        The study; other processes may work on it at the same time.
    space : mapping of str to optuna.distributions.BaseDistribution
        Search space.
    objective : callable
        From parameters and :class:`~skconvattn.tuning.pruning.Reports` to a score.
    budget : Budget
        When to end.
    seed : int or None
        Seed of the sampler, one per trial and so independent of who tries it; None leaves the
        sampler as it is.
    progress_bar : bool
        Whether to show the progress and the best score.
    """
    deadline, first_error = budget.deadline(), None
    with quiet_optuna(), _progress(budget.n_trials, shown=progress_bar) as show:
        show(study)
        while not _is_spent(study, budget, deadline):
            error = _try(study, space, objective, seed, deadline)
            first_error = first_error or error
            show(study)
    return first_error


def results(study: Any) -> pd.DataFrame:
    """Return the trials of a study as a table.

    Parameters
    ----------
    study : optuna.Study
        The study.

    Returns
    -------
    pandas.DataFrame of shape (n_trials, 4 + n_parameters)
        By number of the trial: score (NaN where there is none), state ("complete", "pruned",
        "fail" or "running"), seconds, the reason of an early end or a failure, and the parameters;
        those that had no effect are NaN.
    """
    trials = study.get_trials(deepcopy=False)
    table = pd.DataFrame(
        {
            "score": [t.value if _is_complete(t) else np.nan for t in trials],
            "state": [t.state.name.lower() for t in trials],
            "seconds": [t.duration.total_seconds() if t.duration else np.nan for t in trials],
            "reason": [t.user_attrs.get(_REASON) for t in trials],
        },
        index=pd.Index([t.number for t in trials], name="trial"),
    )
    names = sorted({name for t in trials for name in t.params})
    for name in names:
        table[f"param_{name}"] = [t.params.get(name, np.nan) for t in trials]
    return table


def check_finished(study: Any, first_error: Exception | None = None) -> None:
    """Refuse a study without any finished trial.

    Parameters
    ----------
    study : optuna.Study
        The study.
    first_error : Exception, optional
        Why the first trial failed.

    Raises
    ------
    Exception
        The error of the first trial that failed, with a note.
    ValueError
        If no error is known; the sentence has the reason of the first trial.
    """
    if any(_is_complete(t) for t in study.get_trials(deepcopy=False)):
        return
    if first_error is not None:
        first_error.add_note("No trial of the search was finished; this ended the first one.")
        raise first_error
    reasons = [t.user_attrs[_REASON] for t in study.get_trials() if _REASON in t.user_attrs]
    first = f"the first one ended with: {reasons[0]}" if reasons else "the time was too short"
    raise ValueError(
        f"No trial of the search was finished; {first}. Change param_distributions, n_trials or "
        "timeout."
    )


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna from printing a line per trial, and leave its settings as they were."""
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _opened(storage: Any) -> Any:
    from optuna.storages import RDBStorage

    if storage is None or not isinstance(storage, str | Path):
        return storage
    text = str(storage)
    if "://" not in text:
        text = f"sqlite:///{text}"
    if not text.startswith("sqlite"):
        return text
    from sqlalchemy.exc import SQLAlchemyError

    for _ in range(_TRIES):
        # Processes that begin together may each try to make the tables of a new file.
        with suppress(SQLAlchemyError):
            return RDBStorage(text, engine_kwargs={"connect_args": {"timeout": _WAIT}})
        time.sleep(_PAUSE)
    return RDBStorage(text, engine_kwargs={"connect_args": {"timeout": _WAIT}})


def _try_again_what_was_cut_off(study: Any) -> None:
    """Close trials of processes of this machine that are gone, and queue their parameters."""
    from optuna.trial import TrialState

    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        host, process = trial.user_attrs.get(_PROCESS, (None, None))
        if host == socket.gethostname() and not _is_at_work(process, study, trial):
            study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
            if trial.params:
                study.enqueue_trial(trial.params, user_attrs={_PROCESS: _this_process()})


def _this_process() -> list[Any]:
    return [socket.gethostname(), os.getpid()]


@contextmanager
def _asked(study: Any) -> Iterator[Any]:
    """Begin a trial that names its process from its first moment on.

    A process that is killed between two writes leaves no trial of which nobody knows whose it was.
    """
    import optuna
    from optuna.trial import TrialState

    if study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        trial = study.ask()
        trial.set_user_attr(_PROCESS, _this_process())
    else:
        # Optuna's ask has no attributes, and on SQLite two processes may take one waiting trial.
        template = optuna.trial.create_trial(
            state=TrialState.RUNNING, user_attrs={_PROCESS: _this_process()}
        )
        number = study._storage.create_new_trial(study._study_id, template_trial=template)
        trial = optuna.trial.Trial(study, number)
    _AT_WORK.add((study.study_name, trial.number))
    try:
        yield trial
    finally:
        _AT_WORK.discard((study.study_name, trial.number))


def _is_at_work(process: int, study: Any, trial: Any) -> bool:
    """Whether a process of this machine is still at a trial."""
    if process == os.getpid():
        # A thread of this process is, or an earlier process of the same number was.
        return (study.study_name, trial.number) in _AT_WORK
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_spent(study: Any, budget: Budget, deadline: float | None) -> bool:
    if deadline is not None and time.monotonic() > deadline:
        return True
    return budget.n_trials is not None and _n_finished(study) >= budget.n_trials


def _n_finished(study: Any) -> int:
    """Count trials with a result: complete, pruned, or failed for a reason of their own."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    done = (TrialState.COMPLETE, TrialState.PRUNED)
    return sum(t.state in done or _REASON in t.user_attrs for t in trials)


def _try(
    study: Any, space: Mapping[str, Any], objective: Objective, seed: int | None, deadline: Any
) -> Exception | None:
    """Try parameters once, and return why they failed."""
    with _asked(study) as trial:
        return _tried(study, trial, space, objective, seed, deadline)


def _tried(
    study: Any,
    trial: Any,
    space: Mapping[str, Any],
    objective: Objective,
    seed: int | None,
    deadline: Any,
) -> Exception | None:
    import optuna
    from optuna.trial import TrialState

    if seed is not None:
        own = np.random.SeedSequence((seed, trial.number)).generate_state(1)[0]
        study.sampler = optuna.samplers.TPESampler(seed=int(own))
    sign = 1.0 if study.direction.name == "MINIMIZE" else -1.0
    try:
        params = _suggest(trial, space)
        value = _value_before(study, trial)
        if value is None:
            value = float(objective(params, Reports(trial, sign, deadline)))
        if not np.isfinite(value):
            raise ValueError(f"the score is {value}")
    except optuna.TrialPruned as pruned:
        trial.set_user_attr(_REASON, str(pruned))
        study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)
    except Exception as error:  # noqa: BLE001 - whatever one trial fails by is recorded
        trial.set_user_attr(_REASON, f"{type(error).__name__}: {error}")
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        return error
    else:
        study.tell(trial, value, skip_if_finished=True)
    return None


def _suggest(trial: Any, space: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(space, SearchSpace):
        return space.suggest(trial)
    return {name: suggested(trial, name, distribution) for name, distribution in space.items()}


def _value_before(study: Any, trial: Any) -> float | None:
    """Return the score of the same parameters in an earlier trial."""
    for earlier in study.get_trials(deepcopy=False):
        if _is_complete(earlier) and earlier.params == trial.params:
            trial.set_user_attr(_SAME_AS, earlier.number)
            return float(earlier.value)
    return None


def _is_complete(trial: Any) -> bool:
    return bool(trial.state.name == "COMPLETE")


@contextmanager
def _progress(n_trials: int | None, *, shown: bool) -> Iterator[Callable[[Any], None]]:
    """Show how many trials are done, and the best score."""
    if not shown:
        yield lambda study: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=n_trials, unit="trial") as bar:

        def show(study: Any) -> None:
            bar.update(_n_finished(study) - bar.n)
            if any(_is_complete(t) for t in study.get_trials(deepcopy=False)):
                bar.set_postfix(best=f"{study.best_value:.4g}")

        yield show
