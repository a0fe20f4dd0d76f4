"use strict";
// Which grasp is shown, its facts, the filter and the keys. The view itself is scene.js.

const byId = id => document.getElementById(id);
const scene = new Scene(byId("view"));
const objects = new Map(), hands = new Map();  // address -> what came from there; the last few
let grasp = null;
let side = [1, 0, 0];  // from which the grasp shows best
let turn = 0;  // of requests: an answer that comes too late is dropped

async function ask(path, kind) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 300));
  return kind === "json" ? answer.json() : answer.arrayBuffer();
}

function filter() {
  const words = new URLSearchParams();
  for (const name of ["family", "type", "split"]) if (byId(name).value) words.set(name, byId(name).value);
  return words;
}

function say(text) {
  byId("message").textContent = text;
  byId("message").hidden = !text;
}

// Show the grasp at a place among those that fit the filter, {at: 3}, or from a row on, {row: 12}.
async function show(where) {
  const mine = ++turn;
  try {
    const words = filter();
    for (const [name, value] of Object.entries(where)) words.set(name, value);
    const facts = await ask(`grasp.json?${words}`, "json");
    if (mine !== turn) return;
    if (!facts.count) return clear("No grasp fits this filter; choose 'all' in one of the boxes.");
    grasp = facts;
    tell(facts);
    const [hand, object] = await Promise.allSettled(scene.works ? [
      kept(hands, `hand/${facts.row}.bin`), kept(objects, `object/${facts.object_number}.bin`)] : []);
    if (mine !== turn) return;
    if (!scene.works) return drawPicture(facts);
    draw(facts, hand, object);
    kept(hands, `hand/${facts.next_row}.bin`);  // most likely asked for next
  } catch (error) {
    if (mine === turn) say(error.message);
  }
}

function draw(facts, hand, object) {
  if (hand.status === "rejected") throw hand.reason;
  scene.set("object", object.status === "fulfilled" ? new Float32Array(object.value) : null);
  scene.set("hand", new Float32Array(hand.value, 12));
  side = new Float32Array(hand.value, 0, 3);
  scene.lookFrom(side);
  say(object.status === "fulfilled" ? "" : object.reason.message);
  document.body.dataset.row = facts.row;
}

function drawPicture(facts) {
  byId("view").hidden = true;
  byId("picture").hidden = false;
  byId("picture").src = `picture/${facts.row}.png`;
  say("This browser has no WebGL: the picture cannot be turned.");
  document.body.dataset.row = facts.row;
}

function clear(why) {
  say(why);
  grasp = null;
  byId("title").textContent = "";
  byId("place").textContent = "";
  byId("facts").replaceChildren();
  if (scene.works) { scene.set("hand", null); scene.set("object", null); }
  byId("picture").hidden = true;
  delete document.body.dataset.row;
}

// The answer to a request, kept in a Map of the last dozen; what failed is asked for again.
function kept(map, path) {
  if (!map.has(path)) {
    const answer = ask(path);
    answer.catch(() => map.delete(path));
    map.set(path, answer);
    if (map.size > 12) map.delete(map.keys().next().value);
  }
  return map.get(path);
}

function tell(facts) {
  byId("title").textContent = facts.object;
  byId("place").textContent = `${(facts.at + 1).toLocaleString("en")} of ${facts.count.toLocaleString("en")}`;
  const centimetres = value => `${(100 * value).toFixed(2)} cm`;
  const kind = facts.feix ? `${facts.type} (${facts.group}, Feix ${facts.feix})` : facts.type;
  const worst = Math.max(...Object.values(facts.displacement));
  byId("facts").replaceChildren(
    ...fact("grasp", facts.row), ...fact("type", kind.replaceAll("_", " ")), ...fact("family", facts.family),
    ...fact("split", facts.split), ...fact("depth", `${(1000 * facts.depth).toFixed(1)} mm`),
    ...fact("moves", six(facts.displacement)), ...fact("at most", centimetres(worst)),
    ...fact("beta", facts.betas.map(value => value.toFixed(1)).join(" ")));
  byId("row").value = facts.row;
  const address = filter();
  address.set("row", facts.row);
  history.replaceState(null, "", `#${address}`);
}

function fact(name, value) {
  const term = document.createElement("dt"), description = document.createElement("dd");
  term.textContent = name;
  description.append(value);
  return [term, description];
}

// How far the object moves with gravity along each of six directions, as little bars up to 1 cm.
function six(displacement) {
  const box = document.createElement("div");
  box.className = "six";
  for (const [direction, moved] of Object.entries(displacement)) {
    const bar = document.createElement("meter"), name = document.createElement("span");
    const value = document.createElement("span");
    bar.max = 0.01;
    bar.value = moved;
    name.textContent = direction;
    value.textContent = `${(100 * moved).toFixed(2)} cm`;
    box.append(name, bar, value);
  }
  return box;
}

const MOVES = {
  previous: () => show({ at: (grasp.at + grasp.count - 1) % grasp.count }),
  next: () => show({ at: (grasp.at + 1) % grasp.count }),
  previous_object: () => show({ at: grasp.previous_object }),
  next_object: () => show({ at: grasp.next_object }),
  random: () => show({ at: Math.floor(Math.random() * grasp.count) }),
  reset: () => scene.works && scene.lookFrom(side),
};
const KEYS = {
  ArrowLeft: "previous", ArrowRight: "next", ArrowUp: "previous_object", ArrowDown: "next_object",
  r: "random", " ": "reset",
};
for (const [id, move] of Object.entries(MOVES)) byId(id).addEventListener("click", () => grasp && move());

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input")) return;
  if (event.key === " " && event.target.matches("button")) return;
  const part = { h: "hand", o: "object" }[event.key];
  if (part) {
    scene.shown[part] = !scene.shown[part];
    scene.redraw();
  }
  const move = KEYS[event.key];
  if (!move) return;
  event.preventDefault();
  if (grasp) MOVES[move]();
});

for (const name of ["family", "type", "split"]) {
  byId(name).addEventListener("change", event => {
    event.target.blur();  // so that the arrow keys page again
    show({ row: 0 });
  });
}
byId("jump").addEventListener("submit", event => {
  event.preventDefault();
  byId("row").blur();
  show({ row: byId("row").value });
});

function fill(name, numbers, wanted) {
  const total = Object.values(numbers).reduce((sum, number) => sum + number, 0);
  byId(name).append(new Option(`all (${total.toLocaleString("en")})`, ""));
  for (const [word, number] of Object.entries(numbers)) {
    byId(name).append(new Option(`${word.replaceAll("_", " ")} (${number.toLocaleString("en")})`, word));
  }
  if (wanted in numbers) byId(name).value = wanted;
}

async function start() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const about = await ask("set.json", "json");
  const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
  byId("name").textContent = `${about.name}: ${count(about.grasps, "grasp")} on ${count(about.objects, "object")}`;
  document.title = about.name;
  fill("family", about.families, wanted.get("family"));
  fill("type", about.types, wanted.get("type"));
  fill("split", about.splits, wanted.get("split"));
  await show({ row: wanted.get("row") || 0 });
}
start().catch(error => say(error.message));
