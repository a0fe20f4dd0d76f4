"""The viewer in the browser: one grasp, or all of an object, in a viser scene, and a panel to choose."""

from __future__ import annotations

import time
from html import escape
from threading import RLock

import numpy as np

from fastgrasp_model.viewer.scene import LAYERS, PALE_SKIN, SKIN, BestView, Layers, score_colours
from fastgrasp_model.viewer.server import HOST, start_server, stop_server
from fastgrasp_model.viewer.sets import BrowsableSet, GraspFiles, counts
from fastgrasp_model.viewer.sheet import caption, mesh_of

ALL = "all"
MOST_HANDS = 64  # drawn at a time
HIDDEN_AT_FIRST = ("keypoints", "wrist")


class GraspViewer:
    """Shows a grasp set or a grasp file in the browser until `stop`. What is shown is the same in every browser.

    host, port: of the page, 0 for any free port; row: the grasp to begin with; family, grasp_type and split choose
    among the grasps; cloud (P, 3): shown beside the object. Grasps count from 0. Raises ViewError where the port is
    taken, MissingExtraError without viser. Attributes: `row`, the grasp chosen (None where nothing fits), `rows`, those
    that fit, `layers`, what is drawn, and the handles of the panel.
    """

    def __init__(
        self, grasps: BrowsableSet, port: int = 0, row: int = 0, family: str | None = None,
        grasp_type: str | None = None, split: str | None = None, host: str = HOST, cloud: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self._set, self._lock, self._view = grasps, RLock(), None
        self._several_files = isinstance(grasps, GraspFiles)
        self._host, self._cloud = host, cloud
        self.row, self.rows = None, np.arange(0)
        self.server = start_server(port, grasps.name, host)
        self.layers = Layers(self.server.scene)
        self.server.scene.add_light_ambient("/fill_light", intensity=0.5)
        self._add_panel({"family": family, "grasp_type": grasp_type, "split": split})
        self._add_keys()
        self.server.on_client_connect(lambda client: self._aim(client))
        self.choose(row)

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://{HOST if self._host == '0.0.0.0' else self._host}:{self.server.get_port()}/"

    def stop(self) -> None:
        """Stop the server and its threads."""
        stop_server(self.server)

    def wait(self) -> None:
        """Serve until Ctrl-C."""
        while True:
            time.sleep(3600)

    def choose(self, row: int | None = None) -> None:
        """Apply the filters; show grasp `row` (by default the present one), or the next one that fits."""
        with self._lock:
            chosen = {name: self._options[name].get(box.value) for name, box in self.filters.items()}
            self.rows = self._set.select(**chosen)
            count = len(self.rows)
            self.place.visible = count > 1
            self.place.max = max(1, count - 1)
            if count:
                wanted = row if row is not None else self.row or 0
                self.go(min(int(np.searchsorted(self.rows, wanted)), count - 1))
            else:
                self.layers.clear()
                self.row, self.facts.content, self.summary.content = None, "", "No grasp fits these filters."

    def go(self, at: int) -> None:
        """Show grasp `at` of those that fit; after the last comes the first."""
        with self._lock:
            if not len(self.rows):
                return
            at %= len(self.rows)
            self.row = int(self.rows[at])
            self.place.value, self.number.value = at, self.row
            mesh, missing = mesh_of(self._set, int(self._set.object_of[self.row]))
            drawn = self._draw(mesh, at)
            facts = self._set.facts(self.row)
            self.summary.content = summary_text(facts, self._place_text(at, facts, drawn), missing)
            self.facts.content = facts_text(facts)

    def step(self, by: int) -> None:
        """Show the grasp `by` places on."""
        self.go(self._at() + by)

    def step_object(self, by: int) -> None:
        """Show the first grasp on the object before (-1) or after (1)."""
        with self._lock:
            starts = np.flatnonzero(np.diff(self._set.object_of[self.rows], prepend=-1))
            if len(starts):
                run = int(np.searchsorted(starts, self._at(), side="right")) - 1
                self.go(int(starts[(run + by) % len(starts)]))

    def random(self) -> None:
        """Show a random grasp of those that fit."""
        if len(self.rows):
            self.go(int(np.random.default_rng().integers(len(self.rows))))

    def reset_view(self) -> None:
        """Look from the best side again."""
        for client in self.server.get_clients().values():
            self._aim(client)

    def page(self) -> str:
        """Return the grasp shown as one HTML page that needs neither server nor network."""
        with self._lock:
            title = caption(self._set, self.row)
            below = self._view.target - [0.0, 0.0, 0.2 * self._view.distance]
            label = self.server.scene.add_label("/caption", title, position=below, anchor="top-center")
            page = self.server.scene.as_html()
            label.remove()
        return page.replace("<title>Viser</title>", f"<title>{escape(title)}</title>", 1)

    def _view_pressed(self, client) -> None:
        if self.view_buttons.value == "best side":
            self.reset_view()
        elif client is not None and self.row is not None:
            client.send_file_download(f"grasp_{self.row}.html", self.page().encode(), save_immediately=True)

    def _at(self) -> int:
        return int(np.searchsorted(self.rows, self.row or 0))

    def _draw(self, mesh, at: int) -> int:
        """Draw the grasp at place `at`, with all others on its object where they are wanted; return how many."""
        rows = self._neighbours(at) if self.all_shown.value else self.rows[at : at + 1]
        posed, chosen = self._set.grasps(rows), int(np.searchsorted(rows, self.row))
        if self.by_score.value:
            scores = np.array([self._set.facts(row).get("score", 0.0) for row in rows.tolist()])
            colours = score_colours(scores, *self._set.score_range)
        else:
            colours = np.where(np.arange(len(rows))[:, None] == chosen, SKIN, PALE_SKIN)
        with self.server.atomic():
            self.layers.draw(mesh, self._cloud, posed, chosen, colours)
        self._view = BestView(self._cloud if mesh is None else mesh, posed, chosen)
        self._view.place(self.server.initial_camera)
        self.reset_view()
        return len(rows)

    def _neighbours(self, at: int) -> np.ndarray:
        """Return the rows that fit on the object of the grasp at place `at`, at most `MOST_HANDS` round it."""
        same = np.flatnonzero(self._set.object_of[self.rows] == self._set.object_of[self.rows[at]])
        begin = int(np.clip(np.searchsorted(same, at) - MOST_HANDS // 2, 0, max(0, len(same) - MOST_HANDS)))
        return self.rows[same[begin : begin + MOST_HANDS]]

    def _place_text(self, at: int, facts: dict, drawn: int) -> str:
        """Return the number of a grasp in its file and how many there are, or fit the filters, in words."""
        everything = len(self.rows) == len(self._set)
        if "number" in facts:
            count = np.count_nonzero(self._set.object_of == self._set.object_of[self.row])
            place = f"grasp {facts['number']:,} of {count:,}"
        else:
            place = f"grasp {self.row:,} of {len(self._set):,}"
        place += "" if everything else f", {at:,} of {len(self.rows):,} that fit"
        return place + (f", {drawn} hands drawn" if self.all_shown.value else "")

    def _aim(self, client) -> None:
        if self._view is not None:
            with client.atomic():
                self._view.place(client.camera, client.camera.aspect)

    def _add_panel(self, chosen: dict[str, str | None]) -> None:
        """Add the panel: a tab to page, one to filter, and one with all facts."""
        gui = self.server.gui
        tabs = gui.add_tab_group()
        with tabs.add_tab("grasp"):
            self.summary = gui.add_markdown("")
            self.place = gui.add_slider("grasp", 0, 1, 1, 0, hint="among the grasps that fit the filters, from 0")
            self.grasp_buttons = gui.add_button_group("", ("previous", "next", "random"))
            several = len(self._set.objects) > 1
            noun = "file" if self._several_files else "object"
            self.object_buttons = gui.add_button_group(noun, ("previous", "next"), visible=several)
            self.all_shown = gui.add_checkbox("all hands", False, hint="all on this object that fit the filters")
            scored = getattr(self._set, "score_range", None) is not None
            hint = "violet is the lowest score, yellow the highest"
            self.by_score = gui.add_checkbox("colour by score", False, visible=scored, hint=hint)
            self.shown = {layer: gui.add_checkbox(f"show {layer}", True) for layer in LAYERS}
            self.shown["cloud"].visible = self._cloud is not None
            self.view_buttons = gui.add_button_group("view", ("best side", "save as page"))
        self._options = self._choices()
        self.filters = {}
        if self._options:
            with tabs.add_tab("filters"):
                for name, options in self._options.items():
                    known = [label for label, value in options.items() if value == chosen[name]]
                    label, first = name.replace("_", " "), (known or [ALL])[0]
                    self.filters[name] = gui.add_dropdown(label, tuple(options), initial_value=first)
        with tabs.add_tab("facts"):
            last, alone = len(self._set) - 1, not self._several_files
            self.number = gui.add_number("grasp number", 0, min=0, max=last, step=1, visible=alone)
            self.facts = gui.add_markdown("")
        self._connect()

    def _connect(self) -> None:
        """Give the panel's handles their actions."""
        self.place.on_update(lambda _: self.place.value == self._at() or self.go(self.place.value))
        self.number.on_update(lambda _: self.number.value == self.row or self.choose(self.number.value))
        moves = {"previous": lambda: self.step(-1), "next": lambda: self.step(1), "random": self.random}
        self.grasp_buttons.on_click(lambda _: moves[self.grasp_buttons.value]())
        self.object_buttons.on_click(lambda _: self.step_object(1 if self.object_buttons.value == "next" else -1))
        self.view_buttons.on_click(lambda event: self._view_pressed(event.client))
        for box in self.filters.values():
            box.on_update(lambda _: self.choose())
        for box in (self.all_shown, self.by_score):
            box.on_update(lambda _: self.choose())
        for layer, box in self.shown.items():
            box.on_update(lambda _, layer=layer, box=box: self.layers.show(layer, box.value))
            box.value = layer not in HIDDEN_AT_FIRST
            self.layers.show(layer, box.value)

    def _choices(self) -> dict[str, dict[str, str | None]]:
        """Return filter -> label -> name; the label holds the number of grasps. Left out are names without grasps
        and filters with only one name."""
        numbers, choices = counts(self._set, np.arange(len(self._set))), {}
        for name, kind in {"family": "families", "grasp_type": "types", "split": "splits"}.items():
            found = sorted((word, number) for word, number in numbers[kind].items() if number)
            if len(found) > 1:
                labels = {f"{word.replace('_', ' ')} ({number:,})": word for word, number in found}
                choices[name] = {ALL: None, **labels}
        return choices

    def _add_keys(self) -> None:
        """Add the keys; they also stand in viser's command palette, Ctrl-K."""

        def flip(box) -> None:
            if box.visible:
                box.value = not box.value

        following, preceding = ("next grasp", lambda: self.step(1)), ("previous grasp", lambda: self.step(-1))
        keys = {
            "arrowright": following, "N": following, "arrowleft": preceding, "P": preceding,
            "arrowdown": ("next object", lambda: self.step_object(1)),
            "arrowup": ("previous object", lambda: self.step_object(-1)),
            "R": ("random grasp", self.random), "space": ("best view", self.reset_view),
            "H": ("show the hand", lambda: flip(self.shown["hand"])),
            "O": ("show the object", lambda: flip(self.shown["object"])),
            "A": ("all hands or one", lambda: flip(self.all_shown)),
            "C": ("colour by score", lambda: flip(self.by_score)),
            "K": ("show the keypoints", lambda: flip(self.shown["keypoints"])),
        }  # fmt: skip
        for key, (label, action) in keys.items():
            self.server.gui.add_command(label, hotkey=key).on_trigger(lambda _, action=action: action())


def summary_text(facts: dict, place: str, missing: str = "") -> str:
    """Return Markdown: the object, the place among the grasps, how good the grasp is, and why its object is missing."""
    lines = [f"**{facts['object'] or 'grasp'}**, {place}", facts.get("type", "").replace("_", " ")]
    if "score" in facts:
        lines.append(f"score {facts['score']:.2f}")
    if "depth" in facts:
        moved = 1000 * max(facts["displacement"].values())
        lines.append(f"penetration {1000 * facts['depth']:.1f} mm, displacement {moved:.1f} mm")
    if missing:
        lines.append(f"This object cannot be made: {missing}")
    return "  \n".join(filter(None, lines))


def facts_text(facts: dict) -> str:
    """Return the facts of a grasp as a Markdown table, displacement by direction of gravity."""
    names = ("object", "number", "family", "split", "type", "group", "feix", "hand", "score")
    lines = {name: facts[name] for name in names if facts.get(name) not in (None, "")}
    moved = {f"gravity {way}": value for way, value in facts.get("displacement", {}).items()}
    depth = {"depth": facts["depth"]} if "depth" in facts else {}
    lines |= {name: f"{1000 * value:.1f} mm" for name, value in {**depth, **moved}.items()}
    lines["betas"] = " ".join(f"{value:.1f}" for value in facts["betas"])
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |".replace("_", " ") for name, value in lines.items())
