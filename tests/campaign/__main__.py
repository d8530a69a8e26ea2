"""`python -m tests.campaign [--only NAME ...] [--pairs N --seed S] [--keep]`: break a lab in each way of the catalogue.

Prints a line for each, writes build/campaign.json and docs/reference/campaign.md. What an agent says is no error of the
program: it ends with 1 only when something could not be measured.
"""

import argparse
import json
import platform
import random
import sys
from datetime import UTC, datetime
from itertools import groupby

from tests.campaign.catalogue import FAULTS, named, pairs
from tests.campaign.deeds import start_agent
from tests.campaign.fault import LabFault
from tests.campaign.outcome import Outcome
from tests.campaign.page import rendered
from tests.campaign.trial import tried
from tests.lab.conftest import named_lab
from tests.lab.leftovers import clear_leftovers
from tests.lab.options import Options, Pool
from tests.lab.owner import sign
from tests.lab.signals import ended_by_signals
from tests.places import REPOSITORY

RESULTS = REPOSITORY / "build" / "campaign.json"
PAGE = REPOSITORY / "docs" / "reference" / "campaign.md"

Trial = tuple[LabFault, ...]


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="these faults; without it all")
    parser.add_argument("--pairs", type=int, default=0, metavar="N", help="so many pairs as well")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="of the pairs")
    parser.add_argument("--keep", action="store_true", help="keep the results of what is not run now")
    parser.add_argument("--list", action="store_true", help="print the catalogue, and run nothing")
    asked = parser.parse_args(arguments)
    if asked.list:
        print("\n".join(f"{fault.name:<40}{fault.does}" for fault in FAULTS))
        return 0
    try:
        single = named(asked.only)
    except ValueError as error:
        parser.error(str(error))
    outcomes = _before() if asked.keep else {}
    print(f"seed {asked.seed}", flush=True)
    trials: list[Trial] = [*((one,) for one in single), *pairs(asked.pairs, asked.seed)]
    trials.sort(key=lambda trial: list(Pool).index(trial[0].pool))
    failed = False
    sign()
    clear_leftovers()
    with ended_by_signals():
        for pool, those in groupby(trials, key=lambda trial: trial[0].pool):
            failed |= _run(pool, list(those), outcomes, asked.seed)
    return 1 if failed else 0


def _run(pool: Pool, trials: list[Trial], outcomes: dict[str, Outcome], seed: int) -> bool:
    """Try some on labs of one kind; returns whether something could not be measured.

    One that leaves a lab that is not good has the next one begin with another.
    """
    failed = False
    while trials:
        with named_lab("campaign") as lab:
            lab.up(Options(pool=pool), bare=True)
            for host in lab.options.names:
                start_agent(lab, host)
            for host in lab.options.names:
                lab.pod(host, f"pod{host.removeprefix('host')}-a")
            while trials:
                outcome = tried(lab, trials.pop(0))
                outcomes[outcome.name] = outcome
                _write(outcomes, seed)
                print(_line(outcome), flush=True)
                failed |= bool(outcome.error)
                if outcome.error or outcome.good_again is None:
                    break
    return failed


def _line(one: Outcome) -> str:
    verdict = f"ERROR {one.error}" if one.error else "right" if one.right else "WRONG"
    told = "; ".join(f"{host}: {', '.join(said)}" for host, said in one.ever.items() if said) or "nothing"
    later = "; ".join(f"{host}: {', '.join(said)}" for host, said in one.afterwards.items() if said)
    times = f"suspected {one.suspected} s, confirmed {one.confirmed} s, good again after {one.good_again} s"
    lost = f" LOST {', '.join(one.lost)}" if one.lost else ""
    return f"{verdict:<6}{one.name}: {times}; confirmed {told}{'; later ' + later if later else ''}{lost}"


def _before() -> dict[str, Outcome]:
    if not RESULTS.exists():
        return {}
    return {one["name"]: Outcome.of_json(one) for one in json.loads(RESULTS.read_text())}


def _write(outcomes: dict[str, Outcome], seed: int) -> None:
    """Both documents, after each trial: what was measured stays when somebody ends the run."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([one.as_json() for one in outcomes.values()], indent=1) + "\n")
    kernel = platform.release().partition("-")[0]
    made = f"{datetime.now(UTC):%Y-%m-%d}, kernel {kernel}, seed {seed}"
    order = [fault.name for fault in FAULTS]
    ordered = sorted(outcomes.values(), key=lambda one: order.index(one.name) if one.name in order else len(order))
    PAGE.write_text(rendered(ordered, faults=len(FAULTS), made=made))


if __name__ == "__main__":
    sys.exit(main())
