/* Predict, then see: cover an output, and what is said about it, until the reader has answered. */
(function () {
  "use strict";
  const LANGUAGE = { zh: "zh-CN", en: "en" };
  const STORE = "book:guess:"; // the same place as that of the figures: kit/72_progress.js

  function half(code, text) {
    const span = document.createElement("span");
    span.className = "lang-" + code;
    span.lang = LANGUAGE[code];
    span.textContent = text;
    return span;
  }
  function say(element, zh, en) {
    const bar = document.createElement("span");
    bar.className = "lang-sep";
    bar.textContent = " | ";
    element.replaceChildren(half("zh", zh), bar, half("en", en));
  }
  function kept(key) {
    try { return JSON.parse(window.localStorage.getItem(STORE + key)); } catch (forbidden) { return null; }
  }
  function keep(key, value) {
    try {
      if (value === null) window.localStorage.removeItem(STORE + key);
      else window.localStorage.setItem(STORE + key, JSON.stringify(value));
    } catch (forbidden) { /* then it is forgotten with the page */ }
  }
  /* The prose right after the cell gives the answer away, too. */
  function covered(cell) {
    const parts = [...cell.querySelectorAll(":scope > .cell_output")];
    let next = cell.nextElementSibling;
    if (next && next.matches(".lang-pair")) parts.push(next);
    else {
      while (next && next.matches(".lang-block")) {
        parts.push(next);
        const last = next.matches(".lang-en");
        next = next.nextElementSibling;
        if (last) break;
      }
    }
    return parts;
  }
  function number(text) {
    const plain = text.trim().replace(/[,，\s]/g, "").replace("。", ".").replace(/[％%]$/, "");
    return plain === "" ? NaN : Number(plain);
  }
  function verdict(form, given, result) {
    const truth = JSON.parse(form.dataset.answer);
    if (given === "") { say(result, "下面是结果。", "Here is what happens."); return; }
    if (form.dataset.kind === "number") {
      const guess = Number(given);
      if (truth === null) { say(result, `你猜 ${given}。`, `Your guess: ${given}.`); return; }
      const off = Math.abs(guess - truth), share = truth ? Math.round((100 * off) / Math.abs(truth)) : null;
      const zh = off === 0 ? "一点不差！" : share === null ? `差 ${off}。` : `差 ${share}%。`;
      const en = off === 0 ? "exactly right!" : share === null ? `${off} off.` : `${share}% off.`;
      say(result, `你猜 ${given}，结果是 ${truth}：${zh}`, `You said ${given}, and it's ${truth}: ${en}`);
      return;
    }
    const name = (i, code) => {
      const label = form.querySelectorAll(".predict__choices label > span")[i];
      const own = label.querySelector(".lang-" + code);
      return (own || label).textContent.trim();
    };
    const right = Number(given) === truth;
    say(
      result,
      right ? `你选“${name(given, "zh")}”：对了。` : `你选“${name(given, "zh")}”，结果是“${name(truth, "zh")}”。`,
      right ? `You chose “${name(given, "en")}”: right.`
            : `You chose “${name(given, "en")}”, and it's “${name(truth, "en")}”.`
    );
    result.dataset.right = String(right);
  }
  function start(cell) {
    const form = cell.querySelector(":scope > form.predict");
    if (!form) return;
    const parts = covered(cell), result = form.querySelector(".predict__result"), key = form.dataset.key;
    const fields = [...form.querySelectorAll("input")], show = form.querySelector(".predict__show");
    const again = document.createElement("button");
    again.type = "button";
    again.className = "predict__again";
    say(again, "重新猜", "Guess again");
    form.querySelector(".predict__buttons").append(again);

    function cover() {
      parts.forEach((part) => part.classList.add("predict-covered"));
      form.dataset.state = "asking";
      fields.forEach((field) => { field.disabled = false; });
      result.replaceChildren();
      delete result.dataset.right;
    }
    function uncover(given, focus) {
      parts.forEach((part) => part.classList.remove("predict-covered"));
      form.dataset.state = "answered";
      fields.forEach((field) => { field.disabled = true; });
      verdict(form, given, result);
      if (focus) result.focus();
    }
    function answer() {
      if (form.dataset.kind === "number") {
        const value = number(fields[0].value);
        return Number.isFinite(value) ? String(value) : null;
      }
      const chosen = fields.find((field) => field.checked);
      return chosen ? chosen.value : null;
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = answer();
      if (given === null) {
        if (form.dataset.kind === "number") say(result, "请写一个数。", "Please type a number.");
        else say(result, "请先选一个。", "Please choose one first.");
        fields[0].focus();
        return;
      }
      keep(key, given);
      uncover(given, true);
    });
    show.addEventListener("click", () => { keep(key, ""); uncover("", true); });
    again.addEventListener("click", () => {
      keep(key, null);
      fields.forEach((field) => {
        if (field.type === "radio") field.checked = false;
        else field.value = "";
      });
      cover();
      (fields[0] || show).focus();
    });
    form.hidden = false;
    const before = kept(key);
    if (before === null) cover();
    else {
      fields.forEach((field) => {
        if (field.type === "radio") field.checked = field.value === before;
        else field.value = before;
      });
      uncover(before, false);
    }
  }
  document.querySelectorAll(".cell.tag_predict").forEach(start);
})();
