/* Back, play or pause, on, and how fast.

   const player = Kit.player(step, restart, {every, speeds, label, back, on})
     step(by)    move by 1 or -1; returns whether it could. Playing stops by itself at the end
     restart()   called when play is pressed at the end (go back to the start)
     every       milliseconds a step at speed 1 (400); reduced motion: never faster than one a second
     speeds      [0.5, 1, 2, 4] by default; null: no choice of speed
     label, back, on   pairs for the group and its two steps ("previous character", "next character")
   player.el, player.playing, player.toggle(), player.stop()
   Stops when the page is hidden or the part has left it. 
   Keyboard: buttons; the toggle of a Kit.track can be player.toggle, for the space bar. */
(function (Kit) {
  "use strict";
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");

  function button(name, label, run) {
    return Kit.el(
      "button",
      { class: "fig-icon", type: "button", "aria-label": label, title: label, onclick: run },
      Kit.icon(name),
    );
  }

  function player(step, restart, options = {}) {
    const { every = 400, speeds = [0.5, 1, 2, 4], label = ["播放", "Playback"] } = options;
    const back = options.back || ["上一个字符", "Previous character"],
      on = options.on || ["下一个字符", "Next character"];
    let timer = 0,
      speed = 1;
    const go = button("play", ["播放", "Play"], () => self.toggle());
    const move = (by) => {
      self.stop();
      step(by);
    };
    const pace =
      speeds &&
      Kit.el("button", {
        class: "fig-player__speed",
        type: "button",
        onclick: () => {
          speed = speeds[(speeds.indexOf(speed) + 1) % speeds.length];
          named();
          if (timer) run();
        },
      });
    function named() {
      if (!pace) return;
      pace.textContent = "\u00d7" + String(speed).replace("0.5", "\u00bd").replace("0.25", "\u00bc");
      Kit.attr(pace, "aria-label", [`速度：${speed} 倍`, `Speed: ${speed} times`]);
      Kit.attr(pace, "title", ["换一个速度", "Change the speed"]);
    }
    function face(playing) {
      const words = playing ? ["暂停", "Pause"] : ["播放", "Play"];
      go.replaceChildren(Kit.icon(playing ? "pause" : "play"));
      Kit.attr(go, "aria-label", words);
      Kit.attr(go, "title", words);
    }
    const hidden = () => {
      if (document.hidden) self.stop();
    };
    function run() {
      clearInterval(timer);
      document.addEventListener("visibilitychange", hidden);
      const pause = Math.max(every / speed, still.matches ? 1000 : 16);
      timer = setInterval(() => {
        if (!self.el.isConnected || !step(1)) self.stop();
      }, pause);
    }
    const self = {
      el: Kit.el(
        "div",
        { class: "fig-player", role: "group", "aria-label": label },
        button("back", back, () => move(-1)),
        go,
        button("on", on, () => move(1)),
        pace,
      ),
      get playing() {
        return timer !== 0;
      },
      toggle() {
        if (timer) return self.stop();
        if (!step(1)) restart();
        run();
        face(true);
      },
      stop() {
        if (!timer) return;
        clearInterval(timer);
        document.removeEventListener("visibilitychange", hidden);
        timer = 0;
        face(false);
      },
    };
    named();
    return self;
  }

  Kit.player = player;
})(globalThis.Kit);
