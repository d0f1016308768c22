"""`sandbox`: start a stand-in of a CRM."""

from pathlib import Path
from typing import Annotated

import typer

from crm_pipeline.errors import CrmPipelineError, UsageError

LIMITS = ("real", "off")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: crm-pipeline sandbox --crm amocrm --port 8081 --contacts 1000 --seed 1 --limits real --latency-ms 300"
    )(sandbox)


def sandbox(
    crm: Annotated[str, typer.Option(help="amocrm or bitrix24.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder of CSV files to fill it from (maven-crm, us-500).")] = None,
    contacts: Annotated[int, typer.Option(help="Fill it with so many generated contacts.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the generated data.")] = 1,
    limits: Annotated[str, typer.Option(help="real: the vendor's rate limits; off: none.")] = "off",
    latency_ms: Annotated[int, typer.Option(help="Milliseconds every answer takes at least.", min=0)] = 0,
    account: Annotated[str, typer.Option(help="Name of the account.")] = "acme",
    share: Annotated[str, typer.Option(help="Part of the data this account holds, such as 0:0.6.")] = "0:1",
    switch: Annotated[list[str] | None, typer.Option(help="A disputed fact, name=value; may be repeated.")] = None,
) -> None:
    """Start a faithful stand-in of a CRM on 127.0.0.1, until Ctrl-C."""
    from crm_pipeline.sandbox.csv_files import NoData
    from crm_pipeline.sandbox.run import UnknownCrm, run
    from crm_pipeline.sandbox.switches import UnknownSwitch

    if data is not None and not data.is_dir():
        raise UsageError(f"--data {data} is not a folder.")
    if limits not in LIMITS:
        raise UsageError(f"--limits {limits} is unknown.", what_to_do=f"Use one of: {', '.join(LIMITS)}.")
    pairs = dict(_pair(text) for text in switch or ())
    try:
        run(crm=crm, port=port, data=data, contacts=contacts, seed=seed, limits=limits, latency_ms=latency_ms, switches=pairs,
            account=account, share=_share(share))  # fmt: skip
    except (UnknownCrm, UnknownSwitch, NoData) as error:
        raise UsageError(f"{error}.") from None
    except OSError as error:
        raise CrmPipelineError(
            f"Port {port} cannot be used: {error.strerror}.", what_to_do="Choose another; 0 takes a free one."
        ) from None


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise UsageError(f"--switch {text!r} is not name=value.")
    return name, value


def _share(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise UsageError(f"--share {text!r} is not LOW:HIGH.", what_to_do="Write 0:0.6 for the first 60 %.") from None
    if not 0 <= low < high <= 1:
        raise UsageError(f"--share {text!r} must lie within 0:1, low below high.")
    return low, high
