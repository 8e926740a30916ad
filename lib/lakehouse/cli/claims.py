"""The command for claims that are in the way: unlock."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from lakehouse.cli import options as o
from lakehouse.cli.screen import console
from lakehouse.contracts.domains import check_domain_name
from lakehouse.contracts.lakes import Lake
from lakehouse.errors import WriterBusyError
from lakehouse.ledger.holders import Holder, held_lease, holder, holder_of, remove_lease
from lakehouse.ledger.lease_record import Found

_HELP = """\
Say who writes a domain, and remove the lease of a writer that is gone.

On a disk the kernel frees a domain with its process: there is nothing to remove. In an object store the lease of a
process of this machine that is dead is removed; any other one only with --force.

Example: lakehouse unlock billing --lake s3://bucket/lake --force --because "the cluster was switched off"
"""


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="unlock", help=_HELP)(_unlock)


def _unlock(
    domain: o.DomainName,
    lake: o.LakePlace = None,
    env: o.EnvironmentName = None,
    force: Annotated[bool, typer.Option("--force", help="Remove a lease whose holder may be alive.")] = False,
    because: Annotated[
        str, typer.Option("--because", metavar="TEXT", help="Why; its holder is told, should it live.")
    ] = "no reason was given",
) -> None:
    """Say who writes a domain, or remove its lease."""
    check_domain_name(domain)
    place = o.lake_of(lake, env)
    lease = None if place.local else held_lease(place, domain)
    found = holder_of(lease) if lease else holder(place, domain) if place.local else None
    if found is None:
        console().print(f"Nobody writes the domain '{domain}' in {escape(place.root)}.", soft_wrap=True)
    elif lease is None:
        raise _locked(domain, found)
    else:
        _show(domain, found, lease)
        if not (found.dead or force):
            raise _leased(domain, place, lease)
        reason = "its process is dead" if found.dead and not force else because
        note = remove_lease(place, domain, lease, reason)
        console().print(f"The lease of {escape(str(found))}, was {escape(note)}.", soft_wrap=True)
        console().print("Should that process live, it stops before its next commit.")


def _show(domain: str, found: Holder, lease: Found) -> None:
    record = lease.record
    state = "dead" if found.dead else "not known to be dead"
    rows = {
        "holder": f"{record.holder} ({state})",
        "run": record.run,
        "since": record.since,
        "token": str(record.token),
        "counter": str(record.beats),
        "free after": f"{record.seconds:g} s without renewal",
    }
    out = console()
    out.print(f"[bold]{domain}[/]: held by a lease")
    for name, text in rows.items():
        out.print(f"  {name:<10} {escape(text)}", soft_wrap=True)


def _locked(domain: str, found: Holder) -> WriterBusyError:
    if found.dead:
        return WriterBusyError(
            f"The domain '{domain}' was written by {found}. That process has ended, but its Spark driver is still "
            "at work. The driver ends by itself within moments, and the kernel frees the domain with it."
        )
    return WriterBusyError(
        f"The domain '{domain}' is written by {found}. The kernel frees it when that process ends, and only then: "
        "wait, or end that process. There is nothing to remove."
    )


def _leased(domain: str, lake: Lake, lease: Found) -> WriterBusyError:
    return WriterBusyError(
        f"The lease was not removed: its holder may be alive. The next run sees whether it is, and takes over after "
        f"{lease.record.seconds:g} s of silence. When you know that the holder has ended, remove it: "
        f'lakehouse unlock {domain} --lake {lake.root} --force --because "..."'
    )
