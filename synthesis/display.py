"""How a run is shown while it goes: a bar and the grasp types on a terminal, otherwise a plain line a minute."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager

MINUTE = 60.0


@contextmanager
def shown(stream=None):
    """Yields watch(run) for `pipeline.run`; what it shows goes to `stream` (default: stderr)."""
    stream = stream or sys.stderr
    with _on_terminal(stream) if stream.isatty() else _plain(stream) as watch:
        yield watch


def line(run) -> str:
    """Return the state of a run in one line."""
    whole, wanted = run.whole, "" if run.wanted is None else f" of {run.wanted}"
    rate = run.now.grasps / run.wall if run.wall else 0.0
    minutes, left = None if run.remaining() is None else round(run.remaining() / 60), "?"
    if minutes is not None:
        left = f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
    return (f"{whole.shards}/{run.shards} shards  {whole.grasps}{wanted} grasps  {rate:.1f}/s  yield "
            f"{_share(whole.grasps, sum(whole.candidates.values()))}  {left} left")


def _by_type(tally) -> list[tuple[str, int, str]]:
    """Name, kept grasps and yield of each grasp type, the most frequent first."""
    kinds = sorted(tally.candidates, key=lambda name: -tally.kept[name])
    return [(name, tally.kept[name], _share(tally.kept[name], tally.candidates[name])) for name in kinds]


def _share(kept: int, tried: int) -> str:
    return f"{kept / tried:.0%}" if tried else "-"


@contextmanager
def _plain(stream):
    """A line at once when a run begins, then one a minute, and the notices as they come."""
    state: list = []
    said = [0]
    ended = threading.Event()

    def say(run) -> None:
        print(f"synthesize: {line(run)}", file=stream, flush=True)
        if run.whole.candidates:
            print("  " + "  ".join("{} {} ({})".format(*kind) for kind in _by_type(run.whole)), file=stream, flush=True)

    def watch(run) -> None:
        if not state:
            state.append(run)
            say(run)
        said[0] = _notices(run, said[0], lambda text: print(f"synthesize: {text}", file=stream, flush=True))

    def tick() -> None:
        while not ended.wait(MINUTE):
            for run in state:
                watch(run)
                say(run)

    teller = threading.Thread(target=tick, daemon=True)
    teller.start()
    try:
        yield watch
    finally:
        ended.set()
        teller.join()
        for run in state:
            watch(run)


@contextmanager
def _on_terminal(stream):
    from rich.console import Console
    from rich.live import Live

    console = Console(file=stream)
    said = [0]
    with Live(console=console, refresh_per_second=2, transient=True) as live:

        def watch(run) -> None:
            live.update(_picture(run))
            said[0] = _notices(run, said[0], console.print)

        yield watch


def _picture(run):
    """A bar over what is to be done, the line of the state, and the types in columns."""
    from rich.columns import Columns
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    share = run.whole.shards / run.shards if run.shards else 1.0
    if run.wanted:
        share = max(share, run.whole.grasps / run.wanted)
    cells = ["{} [bold]{}[/] [dim]{}[/]".format(*kind) for kind in _by_type(run.whole)]
    bar = Table.grid(expand=True)
    bar.add_row(ProgressBar(total=1.0, completed=min(1.0, share)))
    return Group(bar, Text(line(run)), Columns(map(Text.from_markup, cells), padding=(0, 3)))


def _notices(run, said: int, say) -> int:
    for text in run.notices[said:]:
        say(text)
    return len(run.notices)
