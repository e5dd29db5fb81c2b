/* A text area with line numbers; lines with a problem are marked. Without a script it stays one. */
"use strict";
Attune.CodeEditor = class {
  constructor(textarea) {
    this.textarea = textarea;
    this.gutter = Attune.h("div", { class: "at-gutter", "aria-hidden": "true" });
    const frame = Attune.h("div", { class: "at-code-frame" });
    textarea.replaceWith(frame);
    frame.append(this.gutter, textarea);
    this.wrong = new Set();
    textarea.addEventListener("input", () => this.number());
    textarea.addEventListener("scroll", () => { this.gutter.scrollTop = textarea.scrollTop; });
    this.number();
  }

  number() {
    const count = this.textarea.value.split("\n").length;
    if (count === this.count && !this.isStale) return;
    this.count = count;
    this.isStale = false;
    const lines = Array.from({ length: count }, (_, i) => Attune.h("span", this.wrong.has(i + 1) ? { class: "at-line-wrong" } : {}, String(i + 1)));
    this.gutter.replaceChildren(...lines);
    this.gutter.scrollTop = this.textarea.scrollTop;
  }

  /** Mark the lines of these problems and forget the marks before. */
  mark(problems) {
    this.wrong = new Set(problems.map((problem) => problem.line).filter(Boolean));
    this.isStale = true;
    this.number();
  }

  insert(text) {
    const { selectionStart, selectionEnd } = this.textarea;
    this.textarea.setRangeText(text, selectionStart, selectionEnd, "end");
    this.textarea.dispatchEvent(new Event("input", { bubbles: true }));
    this.textarea.focus();
  }
};

/** The variables a content may use; a click puts one where the cursor was. */
Attune.variableHelp = (variables, insert) => {
  const { h } = Attune;
  const lines = Object.entries(variables).flatMap(([name, help]) => [
    h("dt", {}, h("button", { type: "button", title: "Put it where the cursor is", onclick: () => insert(name) }, name)),
    h("dd", {}, help),
  ]);
  return h("details", { class: "at-variables" }, h("summary", {}, "What you can print here"), h("dl", {}, lines));
};

/** Buttons of which one is on. */
Attune.tabs = (options, value, onchange, label) => {
  const { h } = Attune;
  const buttons = options.map(([key, text]) =>
    h("button", { type: "button", "aria-pressed": String(key === value), onclick: () => {
      buttons.forEach((each) => each.setAttribute("aria-pressed", String(each.dataset.key === key)));
      onchange(key);
    }, "data-key": key }, text)
  );
  return h("div", { class: "at-tabs", role: "group", "aria-label": label }, buttons);
};

/** A page that can run nothing and reach nothing of ours. */
Attune.frame = (title) => {
  const frame = Attune.h("iframe", { sandbox: "", title });
  const policy = '<meta http-equiv="Content-Security-Policy" content="script-src \'none\'">';
  return { frame, show: (html) => { frame.srcdoc = policy + html; } };
};

Attune.READERS = [["known", "Known customer"], ["unknown", "Unknown"]];
