"""Commands by which people decide about deliveries: retract, release."""

from __future__ import annotations

from typing import Annotated

import typer

from lakehouse.cli import options as o
from lakehouse.cli.runs import Request, carry_out
from lakehouse.errors import ConfigurationError
from lakehouse.ledger.processes import user_name
from lakehouse.steps.decisions import Decide, release, release_all, retract

DeliveryName = Annotated[
    str, typer.Argument(metavar="DELIVERY", help="Its id, for example usage/year=2025/month=01/day=02/a.csv.")
]
Because = Annotated[str, typer.Option("--because", metavar="TEXT", help="Why; kept in the ledger.")]
Who = Annotated[str | None, typer.Option("--who", metavar="NAME", help="Who decides (else the user of this machine).")]

STEPS = ("refine", "aggregate")
"""Steps that bring a decision into the tables."""


def decided_by(who: str | None) -> str:
    """Who decides; the user of this machine when nobody is named."""
    return who or user_name()


def check_because(why: str) -> str:
    """A reason; raises ConfigurationError for an empty one."""
    if not why.strip():
        raise ConfigurationError('--because: say why, for whoever reads the ledger. Example: --because "wrong prices"')
    return why.strip()


def carry_out_decision(
    domain: str, decide: Decide, lake: str | None, env: str | None, result: o.ResultFile, run_id: str | None
) -> None:
    """Record a decision and bring it into the tables."""
    carry_out(Request(domain, STEPS, None, None, lake, None, env, False, False, False, result, run_id, decide=decide))


def add_commands(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command(
        "retract",
        help="Take a delivery out of every table, as if it had never come; a later correction of it counts.\n\n"
        'Example: lakehouse retract billing usage/year=2025/month=01/day=02/a.csv --because "test data"',
    )
    def _retract(
        domain: o.DomainName,
        delivery: DeliveryName,
        because: Because,
        who: Who = None,
        lake: o.LakePlace = None,
        env: o.EnvironmentName = None,
        result: o.ResultFile = None,
        run_id: o.RunId = None,
    ) -> None:
        decide = retract(delivery, decided_by(who), check_because(because))
        carry_out_decision(domain, decide, lake, env, result, run_id)

    @app.command(
        "release",
        help="Let a delivery count again that was retracted or held, or publish one that a gate refused.\n\n"
        'Example: lakehouse release billing usage/year=2025/month=01/day=02/a.csv --because "checked with the sender"',
    )
    def _release(
        domain: o.DomainName,
        because: Because,
        delivery: Annotated[str | None, typer.Argument(metavar="[DELIVERY]", help="Its id.")] = None,
        all_held: Annotated[bool, typer.Option("--all-held", help="All deliveries that a restore holds.")] = False,
        who: Who = None,
        lake: o.LakePlace = None,
        env: o.EnvironmentName = None,
        result: o.ResultFile = None,
        run_id: o.RunId = None,
    ) -> None:
        why = check_because(because)
        if (delivery is None) == (not all_held):
            raise ConfigurationError(
                "Name one delivery, or say --all-held. "
                f'Example: lakehouse release {domain} --all-held --because "prices were right"'
            )
        decide = release(delivery, decided_by(who), why) if delivery else release_all(decided_by(who), why)
        carry_out_decision(domain, decide, lake, env, result, run_id)
