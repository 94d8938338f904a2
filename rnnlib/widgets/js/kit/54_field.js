/* A text field whose value is always clean: only letters that the network knows, not too many.

   const field = Kit.field(label, {value, max, least, letters, clean, lost, placeholder, hide, wait}, change)
     max       the longest value (80); when the reader leaves, the field shows no more than is used
     least     fewer characters (but not none) count as none, and the note says so (0)
     letters   the alphabet as a string: others are made small, or dropped
     clean     or a function string -> string, instead of letters
     lost      a pair: what the note says before the characters that the clean text has nowhere
     hide      the label is for ears only
     wait      milliseconds of rest before change is called (120)
   change(value, typed)   the clean value, and what was typed. What was dropped is named under the field
   field.el, field.input, field.draw(value)   (draw leaves the field alone while the reader is writing in it)
   Keyboard: Enter reports at once. Nothing is cleaned while an input method is composing. */
(function (Kit) {
  "use strict";
  function among(letters) {
    const known = new Set(letters);
    const one = (c) =>
      known.has(c)
        ? c
        : known.has(c.toLowerCase())
          ? c.toLowerCase()
          : /\s/.test(c) && known.has(" ")
            ? " "
            : "";
    return (string) => Array.from(string, one).join("");
  }

  /* Characters of what was typed that the clean text has nowhere, each once. */
  function dropped(typed, clean) {
    const kept = new Set(Array.from(clean.toLowerCase()));
    return [...new Set(Array.from(typed).filter((c) => c.trim() && !kept.has(c.toLowerCase())))];
  }

  function field(label, options = {}, change = () => {}) {
    const { value = "", max = 80, least = 0, letters, placeholder, hide, wait = 120 } = options;
    const gone = options.lost || ["网络不认识，去掉了：", "Unknown to the network, left out: "];
    const clean = options.clean || (letters ? among(letters) : (s) => s),
      id = Kit.id("field");
    const input = Kit.el("input", {
      class: "fig-field__input",
      type: "text",
      id,
      placeholder,
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      "aria-describedby": id + "-note",
    });
    const note = Kit.el("span", { class: "fig-field__note", id: id + "-note", role: "status", hidden: true });
    const el = Kit.el(
      "div",
      { class: "fig-field" },
      Kit.el("label", { class: hide ? "fig-hidden" : "fig-field__label", for: id }, label),
      input,
      note,
    );
    let timer = 0,
      now = value,
      composing = false;
    const few = (typed) => typed.trim() !== "" && Array.from(clean(typed).trim()).length < least;

    function tell(typed, whole) {
      const lost = dropped(typed, clean(typed)),
        shown = lost.slice(0, 6).join(" ") + (lost.length > 6 ? " …" : "");
      const parts = [["", ""]];
      if (lost.length) parts.push([gone[0] + shown, gone[1] + shown]);
      if (few(typed)) parts.push([`至少要 ${least} 个字母`, `At least ${least} letters are needed`]);
      if (whole > max) parts.push([`只取前 ${max} 个字符`, `Only the first ${max} characters are used`]);
      const said = parts.slice(1);
      note.hidden = !said.length;
      Kit.say(note, [said.map((p) => p[0]).join("；"), said.map((p) => p[1]).join("; ")]);
    }
    function report() {
      clearTimeout(timer);
      timer = 0;
      const all = Array.from(clean(input.value)),
        next = few(input.value) ? "" : all.slice(0, max).join("");
      tell(input.value, all.length);
      if (next === now) return;
      now = next;
      change(now, input.value);
    }
    const later = () => {
      clearTimeout(timer);
      if (!composing) timer = setTimeout(report, wait);
    };
    input.addEventListener("compositionstart", () => {
      composing = true;
    });
    input.addEventListener("compositionend", () => {
      composing = false;
      later();
    });
    input.addEventListener("input", later);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !composing && !event.isComposing) report();
    });
    input.addEventListener("blur", () => {
      if (timer) report();
      if (note.hidden || Array.from(clean(input.value)).length > max) input.value = now; // as it is used
    });
    input.value = value;
    return {
      el,
      input,
      draw(v) {
        now = v;
        if (document.activeElement !== input && note.hidden) input.value = v;
        else if (document.activeElement !== input && clean(input.value) !== v) {
          note.hidden = true;
          input.value = v;
        }
      },
    };
  }

  Kit.field = field;
})(globalThis.Kit);
