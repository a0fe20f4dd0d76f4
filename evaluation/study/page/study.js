/* A blinded comparison of grasps, one question at a time. Nothing is sent: the answers stay in this browser until
   they are saved as a file. record.js holds the stored state and the order of the questions. */
"use strict";
(function () {
  const record = window.StudyRecord;
  const { study, questions, count } = record;
  const PAUSE = 250; // milliseconds for which a choice is shown before the next question
  const $ = (id) => document.getElementById(id);

  let state = null; // participant, name, seed, times, order of the questions, answers, index of the question
  let shownAt = 0; // time at which the question was shown
  let moving = false; // between a choice and the next question
  let enlarged = -1; // the candidate in the larger view, by its position

  /* ---- the three sheets ---- */

  function show(sheet) {
    for (const id of ["start", "question", "end"]) $(id).hidden = id !== sheet;
    window.scrollTo(0, 0);
  }

  function say(text) {
    $("said").textContent = text;
  }

  function plural(number, word) {
    return number + " " + word + (number === 1 ? "" : "s");
  }

  function showStart() {
    state = null;
    $("name").value = "";
    $("no-storage").hidden = record.storageWorks();
    show("start");
  }

  function showEnd() {
    if (!state.finished) state.finished = record.now();
    record.keep(state);
    $("answered").textContent = count === 1 ? "the question" : "all " + count + " questions";
    $("saved").textContent = "";
    $("text").value = record.answersFile(state);
    show("end");
    $("thanks").focus();
  }

  function showPlace() {
    record.keep(state);
    if (state.at >= count) showEnd();
    else showQuestion();
  }

  function showQuestion() {
    const item = state.order[state.at];
    const question = questions.get(item.question);
    const cards = item.shown.map((id, i) => card(question, id, i));
    $("candidates").replaceChildren(...cards);
    $("where").textContent = "Question " + (state.at + 1) + " of " + count;
    $("about").textContent = question.object;
    const done = Object.keys(state.answers).length;
    const bar = $("progress");
    bar.setAttribute("aria-valuemax", count);
    bar.setAttribute("aria-valuenow", done);
    bar.firstElementChild.style.width = (100 * done) / count + "%";
    $("back").disabled = state.at === 0;
    $("next").disabled = !state.answers[item.question];
    $("finish").hidden = done < count;
    show("question");
    mark();
    $("ask").focus({ preventScroll: true });
    say("Question " + (state.at + 1) + " of " + count + ": " + question.object);
    shownAt = performance.now();
    preload(state.order[state.at + 1]);
  }

  function card(question, id, i) {
    const candidate = question.candidates.find((one) => one.id === id);
    const card = document.createElement("article");
    card.className = "candidate";
    card.setAttribute("aria-label", "Grasp " + (i + 1));
    const enlarge = document.createElement("button");
    enlarge.type = "button";
    enlarge.className = "pictures";
    enlarge.setAttribute("aria-label", "Enlarge grasp " + (i + 1) + " of the " + question.object);
    enlarge.append(...candidate.pictures.map((path, view) => picture(path, i, view, candidate.pictures.length)));
    enlarge.append($("magnifier").content.cloneNode(true));
    enlarge.addEventListener("click", () => openZoom(i));
    const button = document.createElement("button");
    button.type = "button";
    button.className = "choose";
    button.textContent = "Choose " + (i + 1);
    button.setAttribute("aria-label", "Choose grasp " + (i + 1));
    button.addEventListener("click", () => choose(i));
    card.append(enlarge, button);
    return card;
  }

  function picture(path, i, view, views) {
    const image = new Image();
    image.src = path;
    image.alt = "Grasp " + (i + 1) + ", view " + (view + 1) + " of " + views;
    image.draggable = false;
    image.addEventListener("error", () => { $("missing").hidden = false; });
    return image;
  }

  function preload(item) {
    if (!item) return;
    for (const candidate of questions.get(item.question).candidates) {
      for (const path of candidate.pictures) new Image().src = path;
    }
  }

  function mark() {
    const item = state.order[state.at];
    const answer = state.answers[item.question];
    Array.from($("candidates").children).forEach((card, i) => {
      const chosen = Boolean(answer) && answer.choice === item.shown[i];
      card.classList.toggle("chosen", chosen);
      card.querySelector(".choose").setAttribute("aria-pressed", String(chosen));
    });
  }

  /* ---- answering ---- */

  function choose(i) {
    const item = state.order[state.at];
    if (moving || i >= item.shown.length) return;
    closeZoom();
    const before = state.answers[item.question];
    const seconds = (before ? before.seconds : 0) + (performance.now() - shownAt) / 1000;
    const changes = before ? before.changes + (before.choice === item.shown[i] ? 0 : 1) : 0;
    state.answers[item.question] = { choice: item.shown[i], seconds: Math.round(seconds * 100) / 100, changes };
    if (before && changes !== before.changes) state.finished = null;
    record.keep(state);
    mark();
    say("Grasp " + (i + 1) + " chosen");
    moving = true;
    setTimeout(() => {
      moving = false;
      go(1);
    }, PAUSE);
  }

  function go(step) {
    if (moving || !state) return;
    const at = state.at + step;
    if (at < 0 || at > count || (step > 0 && !state.answers[state.order[state.at].question])) return;
    state.at = at;
    showPlace();
  }

  /* ---- the larger view ---- */

  function openZoom(i) {
    const item = state.order[state.at];
    const question = questions.get(item.question);
    const candidate = question.candidates.find((one) => one.id === item.shown[i]);
    enlarged = i;
    $("zoom-title").textContent = "Grasp " + (i + 1) + " of " + item.shown.length;
    $("zoom-choose").textContent = "Choose grasp " + (i + 1);
    const pictures = candidate.pictures.map((path, view) => picture(path, i, view, candidate.pictures.length));
    $("zoom-pictures").replaceChildren(...pictures);
    if (!$("zoom").open) $("zoom").showModal();
    $("zoom-choose").focus();
  }

  function turnZoom(step) {
    const many = state.order[state.at].shown.length;
    openZoom((enlarged + step + many) % many);
  }

  function closeZoom() {
    if ($("zoom").open) $("zoom").close();
  }

  function afterZoom() {
    const card = $("candidates").children[enlarged];
    enlarged = -1;
    if (card && !moving) card.querySelector(".pictures").focus();
  }

  /* ---- keys ---- */

  function moveFocus(step) {
    const cards = Array.from($("candidates").children);
    const at = cards.findIndex((card) => card.contains(document.activeElement));
    const to = at < 0 ? (step > 0 ? 0 : cards.length - 1) : (at + step + cards.length) % cards.length;
    const kind = document.activeElement.classList.contains("choose") ? ".choose" : ".pictures";
    cards[to].querySelector(kind).focus();
  }

  function changeRow(kind) {
    const card = Array.from($("candidates").children).find((one) => one.contains(document.activeElement));
    (card || $("candidates").children[0]).querySelector(kind).focus();
  }

  function onKey(event) {
    if ($("question").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    const zoomed = $("zoom").open;
    const digit = event.repeat ? 0 : Number(event.key);
    if (digit >= 1 && digit <= 9) choose(digit - 1);
    else if (event.key === "ArrowRight") zoomed ? turnZoom(1) : moveFocus(1);
    else if (event.key === "ArrowLeft") zoomed ? turnZoom(-1) : moveFocus(-1);
    else if (event.key === "ArrowDown" && !zoomed) changeRow(".choose");
    else if (event.key === "ArrowUp" && !zoomed) changeRow(".pictures");
    else if (event.key === "Backspace" && !zoomed) go(-1);
    else return;
    event.preventDefault();
  }

  /* ---- the end ---- */

  function save() {
    const text = record.answersFile(state);
    const name = "grasp_study_" + study.study.slice(0, 6) + "_" + state.participant + ".json";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    $("saved").textContent = "Saved as " + name + ", most likely in your downloads. Please send this file back.";
  }

  async function copy() {
    const box = $("text");
    box.focus();
    box.select();
    try {
      await navigator.clipboard.writeText(box.value);
    } catch {
      document.execCommand("copy");
    }
    $("saved").textContent = "The text is copied. Please paste it into a message and send it back.";
  }

  function another() {
    const warning = "Have the answers been saved? They are deleted from this browser when the next person starts.";
    if (!window.confirm(warning)) return;
    record.forget();
    showStart();
  }

  /* ---- beginning ---- */

  function describe() {
    const hands = study.questions[0].candidates.length;
    const views = study.questions[0].candidates[0].pictures.length;
    const numbers = ["", "one", "two", "three", "four"];
    document.title = study.title;
    $("title").textContent = study.title;
    $("how-many").textContent = plural(count, "question");
    $("how-many-ways").textContent =
      numbers[hands] + " different ways" + (views > 1 ? ", each seen from " + numbers[views] + " sides" : "");
    $("contact").textContent = study.contact ? " to " + study.contact : "";
    document.documentElement.style.setProperty("--count", hands);
    document.documentElement.style.setProperty("--views", views);
    $("candidates").classList.toggle("two", hands === 2);
    const digits = Array.from({ length: hands }, (_, i) => "<kbd>" + (i + 1) + "</kbd>").join(" ");
    $("keys").innerHTML =
      digits + " choose &ensp; <kbd>&larr;</kbd> <kbd>&rarr;</kbd> <kbd>Enter</kbd> enlarge" +
      " &ensp; <kbd>Backspace</kbd> back";
  }

  function listen() {
    $("begin").addEventListener("submit", (event) => {
      event.preventDefault();
      state = record.newParticipant($("name").value.trim());
      showPlace();
    });
    $("back").addEventListener("click", () => go(-1));
    $("next").addEventListener("click", () => go(1));
    $("finish").addEventListener("click", () => go(count - state.at));
    $("zoom-close").addEventListener("click", closeZoom);
    $("zoom-choose").addEventListener("click", () => choose(enlarged));
    $("zoom-previous").addEventListener("click", () => turnZoom(-1));
    $("zoom-next").addEventListener("click", () => turnZoom(1));
    $("zoom").addEventListener("close", afterZoom);
    $("zoom").addEventListener("click", (event) => { if (event.target === $("zoom")) closeZoom(); });
    $("save").addEventListener("click", save);
    $("copy").addEventListener("click", copy);
    $("review").addEventListener("click", () => { state.at = 0; showPlace(); });
    $("another").addEventListener("click", another);
    document.addEventListener("keydown", onKey);
  }

  describe();
  listen();
  state = record.kept();
  if (state) {
    showPlace();
    if (state.at < count) say("Welcome back. You go on with question " + (state.at + 1) + " of " + count + ".");
  } else {
    showStart();
  }
})();
