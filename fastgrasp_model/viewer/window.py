"""The viewer in the browser: one grasp at a time in a viser scene, and a panel to choose it."""

from __future__ import annotations

import time
from html import escape
from threading import RLock

import numpy as np

from fastgrasp_model.viewer.scene import BestView, add_hand, add_object
from fastgrasp_model.viewer.server import HOST, start_server, stop_server
from fastgrasp_model.viewer.sets import BrowsableSet, counts
from fastgrasp_model.viewer.sheet import caption, mesh_of

ALL = "all"


class GraspViewer:
    """Shows a grasp set or a grasp file in the browser until `stop`. What is shown is the same in every browser.

    port: of the page, 0 for any free one; row: the grasp to begin with; family, grasp_type and split choose among the
    grasps. Raises ViewError where the port is taken, MissingExtraError without viser. Attributes: `row`, the grasp
    shown (None where nothing fits), `rows`, those that fit, and the handles of the panel.
    """

    def __init__(
        self, grasps: BrowsableSet, port: int = 0, row: int = 0, family: str | None = None,
        grasp_type: str | None = None, split: str | None = None,
    ) -> None:  # fmt: skip
        self._set, self._lock, self._view = grasps, RLock(), None
        self._hand = self._object = None
        self.row, self.rows = None, np.arange(0)
        self.server = start_server(port, grasps.name)
        self.server.scene.add_light_ambient("/fill_light", intensity=0.5)
        self._add_panel({"family": family, "grasp_type": grasp_type, "split": split})
        self._add_keys()
        self.server.on_client_connect(lambda client: self._aim(client))
        self.choose(row)

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://{HOST}:{self.server.get_port()}/"

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
            self.place.max = max(2, count)
            if count:
                wanted = row if row is not None else self.row or 0
                self.go(min(int(np.searchsorted(self.rows, wanted)), count - 1))
            else:
                self._remove()
                self.row, self.facts.content, self.summary.content = None, "", "No grasp fits these filters."

    def go(self, at: int) -> None:
        """Show grasp `at` of those that fit; after the last comes the first."""
        with self._lock:
            if not len(self.rows):
                return
            at %= len(self.rows)
            self.row = int(self.rows[at])
            self.place.value, self.number.value = at + 1, self.row
            mesh, missing = mesh_of(self._set, int(self._set.object_of[self.row]))
            self._draw(mesh, self._set.grasps(self.rows[at : at + 1]))
            facts = self._set.facts(self.row)
            self.summary.content = summary_text(facts, f"{at + 1:,} of {len(self.rows):,}", missing)
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

    def _draw(self, mesh, posed) -> None:
        with self.server.atomic():
            self._remove()
            self._object = add_object(self.server.scene, mesh)
            self._hand = add_hand(self.server.scene, posed.vertices[0], posed.faces)
            self._toggle()
        self._view = BestView(mesh, posed.vertices[0], posed.faces, posed.keypoints[0])
        self._view.place(self.server.initial_camera)
        self.reset_view()

    def _remove(self) -> None:
        for handle in (self._hand, self._object):
            if handle is not None:
                handle.remove()
        self._hand = self._object = None

    def _aim(self, client) -> None:
        if self._view is not None:
            with client.atomic():
                self._view.place(client.camera, client.camera.aspect)

    def _toggle(self) -> None:
        for handle, box in ((self._hand, self.hand_shown), (self._object, self.object_shown)):
            if handle is not None:
                handle.visible = box.value

    def _add_panel(self, chosen: dict[str, str | None]) -> None:
        """Add the panel: a tab to page, one to filter, and one with all facts."""
        gui = self.server.gui
        tabs = gui.add_tab_group()
        with tabs.add_tab("grasp"):
            self.summary = gui.add_markdown("")
            self.place = gui.add_slider("grasp", 1, 2, 1, 1, hint="its place among the grasps that fit the filters")
            self.grasp_buttons = gui.add_button_group("", ("previous", "next", "random"))
            several = len(self._set.objects) > 1
            self.object_buttons = gui.add_button_group("object", ("previous", "next"), visible=several)
            self.hand_shown, self.object_shown = (gui.add_checkbox(f"show {name}", True) for name in ("hand", "object"))
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
            self.number = gui.add_number("grasp number", 0, min=0, max=len(self._set) - 1, step=1)
            self.facts = gui.add_markdown("")
        self._connect()

    def _connect(self) -> None:
        """Give the panel's handles their actions."""
        self.place.on_update(lambda _: self.place.value - 1 == self._at() or self.go(self.place.value - 1))
        self.number.on_update(lambda _: self.number.value == self.row or self.choose(self.number.value))
        moves = {"previous": lambda: self.step(-1), "next": lambda: self.step(1), "random": self.random}
        self.grasp_buttons.on_click(lambda _: moves[self.grasp_buttons.value]())
        self.object_buttons.on_click(lambda _: self.step_object(1 if self.object_buttons.value == "next" else -1))
        self.view_buttons.on_click(lambda event: self._view_pressed(event.client))
        for box in self.filters.values():
            box.on_update(lambda _: self.choose())
        for box in (self.hand_shown, self.object_shown):
            box.on_update(lambda _: self._toggle())

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
            box.value = not box.value

        following, preceding = ("next grasp", lambda: self.step(1)), ("previous grasp", lambda: self.step(-1))
        keys = {
            "arrowright": following, "N": following, "arrowleft": preceding, "P": preceding,
            "arrowdown": ("next object", lambda: self.step_object(1)),
            "arrowup": ("previous object", lambda: self.step_object(-1)),
            "R": ("random grasp", self.random), "space": ("best view", self.reset_view),
            "H": ("show the hand", lambda: flip(self.hand_shown)),
            "O": ("show the object", lambda: flip(self.object_shown)),
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
    lines = {name: facts[name] for name in ("object", "family", "split", "type", "group", "feix", "hand", "score")
             if facts.get(name) not in (None, "")}  # fmt: skip
    moved = {f"gravity {way}": value for way, value in facts.get("displacement", {}).items()}
    depth = {"depth": facts["depth"]} if "depth" in facts else {}
    lines |= {name: f"{1000 * value:.1f} mm" for name, value in {**depth, **moved}.items()}
    lines["betas"] = " ".join(f"{value:.1f}" for value in facts["betas"])
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |".replace("_", " ") for name, value in lines.items())
