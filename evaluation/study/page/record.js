/* The state of one participant in the browser: the order of the questions, the answers, and the file made of them.
   It is window.StudyRecord, because a page opened from a disk cannot load modules. */
"use strict";
window.StudyRecord = (function () {
  const study = window.STUDY;
  const place = "fastgrasp-study:" + study.study;
  const questions = new Map(study.questions.map((question) => [question.id, question]));
  const count = study.questions.length;

  /* ---- a seeded generator (mulberry32) and a shuffle (Fisher and Yates) ---- */

  function randomNumbers(seed) {
    let a = seed >>> 0;
    return function () {
      a = (a + 0x6d2b79f5) >>> 0;
      let t = Math.imul(a ^ (a >>> 15), a | 1);
      t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  function shuffled(items, random) {
    const list = items.slice();
    for (let i = list.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }

  function randomHex(bytes) {
    const values = crypto.getRandomValues(new Uint8Array(bytes));
    return Array.from(values, (value) => value.toString(16).padStart(2, "0")).join("");
  }

  /* ---- stored state ---- */

  function newParticipant(name) {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0];
    const random = randomNumbers(seed);
    const order = shuffled(study.questions, random).map((question) => ({
      question: question.id,
      shown: shuffled(question.candidates.map((candidate) => candidate.id), random),
    }));
    return { participant: randomHex(8), name, seed, started: now(), finished: null, order, answers: {}, at: 0 };
  }

  function now() {
    return new Date().toISOString();
  }

  function keep(state) {
    try {
      localStorage.setItem(place, JSON.stringify(state));
      return true;
    } catch {
      return false;
    }
  }

  function kept() {
    try {
      const found = JSON.parse(localStorage.getItem(place));
      const whole = found && found.order.length === count && found.order.every((item) => questions.has(item.question));
      return whole && found.at >= 0 && found.at <= count ? found : null;
    } catch {
      return null;
    }
  }

  function storageWorks() {
    try {
      localStorage.setItem(place + ":test", "1");
      localStorage.removeItem(place + ":test");
      return true;
    } catch {
      return false;
    }
  }

  function answersFile(state) {
    const answers = state.order.map((item) => ({ ...item, ...state.answers[item.question] }));
    const { participant, name, seed, started, finished } = state;
    const head = { format: study.format, format_version: study.format_version, study: study.study };
    const file = { ...head, participant, name, seed, started, finished, saved: now(), answers };
    return JSON.stringify(file, null, 1) + "\n";
  }

  function forget() {
    try {
      localStorage.removeItem(place);
    } catch { /* nothing was kept */ }
  }

  return { study, questions, count, newParticipant, now, keep, kept, forget, storageWorks, answersFile };
})();
