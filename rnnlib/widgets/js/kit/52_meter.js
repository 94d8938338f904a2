/* A needle that can be taken hold of: it shows a number between 0 and 1 until the reader holds it at one.

   const meter = Kit.meter(label, hold)      label: a pair
     hold(value)   on every movement of the reader's hand      hold(null)   let go
   meter.el, meter.draw(x, held)             where it stands, and whether the reader holds it
   Keyboard: arrows take hold; Escape, Delete or Backspace let go. */
(function (Kit) {
  "use strict";
  function meter(label, hold) {
    const input = Kit.el("input", {
      class: "fig-range",
      type: "range",
      min: 0,
      max: 1,
      step: 0.01,
      "aria-label": label,
    });
    const value = Kit.el("output", { class: "fig-meter__value" });
    const free = Kit.el(
      "button",
      {
        class: "fig-meter__free",
        type: "button",
        "aria-label": ["松开：" + label[0], "Let go: " + label[1]],
        title: ["松开", "Let go"],
      },
      Kit.icon("close"),
    );
    const el = Kit.el("div", { class: "fig-meter" }, input, value, free);
    let now = { x: 0.5, held: false };

    function draw(x, held) {
      now = { x, held: Boolean(held) };
      input.value = x;
      input.style.setProperty("--share", x.toFixed(3));
      for (const node of [input, el]) node.toggleAttribute("data-held", now.held);
      value.textContent = x.toFixed(2);
      free.style.visibility = now.held ? "" : "hidden";
      const how = now.held ? ["，按住", ", held"] : ["，平均，随网络动", ", mean, moved by the network"];
      input.setAttribute("aria-valuetext", x.toFixed(2) + Kit.text(how));
    }
    const release = () => {
      if (!now.held) return;
      hold(null);
      input.focus();
    };
    input.addEventListener("input", () => hold(Number(input.value)));
    input.addEventListener("click", () => {
      if (!now.held) hold(Number(input.value));
    });
    free.addEventListener("click", release);
    input.addEventListener("keydown", (event) => {
      if (!["Escape", "Delete", "Backspace"].includes(event.key)) return;
      event.preventDefault();
      release();
    });
    Kit.onLang(Object.assign(() => draw(now.x, now.held), { node: el }));
    return { el, input, draw };
  }

  Kit.meter = meter;
})(globalThis.Kit);
