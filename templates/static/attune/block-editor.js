/* The block editor: variants, each with its HTML, its text and how a reader sees them. */
"use strict";
Attune.VariantEditor = class {
  constructor(variant, editor) {
    Object.assign(this, { variant, editor, reader: "known" });
    this.element = Attune.h("section", { class: "at-variant", "aria-label": `Variant ${variant.key}` });
    this.ask = Attune.newest((signal) => Attune.post(editor.config.previewUrl, { html: variant.html, text: variant.text, reader: this.reader }, signal));
    this.askLater = Attune.later(() => this.refresh(), 400);
    this.draw();
    this.refresh();
  }

  draw() {
    const { h, iconButton } = Attune;
    const { readonly } = this.editor;
    const line = (key, label, width) => h("label", { class: "at-field" }, h("span", {}, label), h("input", { type: "text", class: "at-input", value: this.variant[key] ?? "", maxlength: 80, size: width, disabled: readonly, oninput: (event) => this.set(key, event.target.value) }));
    this.isFallback = h("input", { type: "radio", name: "at-fallback", checked: this.editor.content.fallback === this.variant.key, disabled: readonly, onchange: () => { this.editor.content.fallback = this.variant.key; this.editor.save(); } });
    const remove = readonly ? null : iconButton("delete", "Delete this variant", () => this.editor.remove(this));
    const head = h("div", { class: "at-variant-head" }, line("key", "Key", 8), line("name", "Name", 30), h("label", { class: "at-radio", title: "Shown when nothing else fits" }, this.isFallback, "Fallback"), remove);
    this.html = this.area("html", "HTML", 10);
    this.text = this.area("text", "Text", 5);
    this.messages = h("div", {});
    this.stage = Attune.frame(`Preview of variant ${this.variant.key}`);
    this.plain = h("pre", { class: "at-plain" });
    const bar = h("div", { class: "at-preview-bar" }, h("strong", {}, "As seen by"), Attune.tabs(Attune.READERS, this.reader, (reader) => { this.reader = reader; this.refresh(); }, "Reader"));
    const preview = h("div", { class: "at-preview at-sticky" }, bar, this.messages, h("div", { class: "at-stage" }, this.stage.frame), this.plain);
    this.element.replaceChildren(head, h("div", { class: "at-split" }, h("div", { class: "at-variant-fields" }, this.html.element, this.text.element), preview));
  }

  area(key, label, rows) {
    const { h } = Attune;
    const textarea = h("textarea", { rows, spellcheck: "false", class: "at-code", "aria-label": label, readonly: this.editor.readonly, oninput: () => this.set(key, textarea.value), onfocus: () => { this.editor.focused = editor; } });
    textarea.value = this.variant[key] ?? "";
    const element = h("div", { class: "at-field" }, h("span", {}, label), textarea);
    const editor = new Attune.CodeEditor(textarea);
    return { element, editor };
  }

  set(key, value) {
    if (key === "key" && this.editor.content.fallback === this.variant.key) this.editor.content.fallback = value;
    this.variant[key] = value;
    this.editor.save();
    if (key === "html" || key === "text") this.askLater();
  }

  async refresh() {
    const answer = await this.ask().catch((error) => ({ html: "", text: "", problems: [{ message: `No preview: ${error.message}` }] }));
    if (answer) this.show(answer);
  }

  show(answer) {
    this.messages.replaceChildren(...(answer.problems.length ? [Attune.problemList(answer.problems)] : []));
    this.html.editor.mark(answer.problems.filter((each) => each.path === "html"));
    this.text.editor.mark(answer.problems.filter((each) => each.path === "text"));
    this.stage.show(`<body style="margin:16px;font:15px/1.55 'Segoe UI',Helvetica,Arial,sans-serif;color:#2f3b34">${answer.html}</body>`);
    this.plain.textContent = answer.text;
  }
};

Attune.BlockEditor = class {
  constructor(textarea, content, config) {
    const { host, write } = Attune.takeOver(textarea, { readonly: config.readonly });
    Object.assign(this, { host, write, content, config, readonly: config.readonly });
    this.list = Attune.h("div", {});
    const { h, icon } = Attune;
    const add = h("button", { type: "button", class: "at-add-rule", onclick: () => this.add() }, icon("add"), "Add a variant");
    const help = Attune.variableHelp(config.variables, (name) => this.focused?.insert(Attune.liquid(name)));
    host.append(Attune.h("div", { class: "at-card" }, help), this.list, this.readonly ? "" : add);
    this.editors = content.variants.map((variant) => new Attune.VariantEditor(variant, this));
    this.list.append(...this.editors.map((each) => each.element));
    this.focused = this.editors[0]?.html.editor;
    this.showProblems(config.problems);
    this.save();
  }

  save() {
    this.write(this.content);
  }

  add() {
    const taken = new Set(this.content.variants.map((variant) => variant.key));
    const key = [..."abcdefghijklmnopqrstuvwxyz"].find((letter) => !taken.has(letter)) ?? `v${taken.size + 1}`;
    const variant = { key, name: "", html: "", text: "" };
    this.content.variants.push(variant);
    const editor = new Attune.VariantEditor(variant, this);
    this.editors.push(editor);
    this.list.append(editor.element);
    this.save();
    Attune.focusInside(editor.element);
  }

  remove(editor) {
    this.content.variants.splice(this.content.variants.indexOf(editor.variant), 1);
    this.editors.splice(this.editors.indexOf(editor), 1);
    editor.element.remove();
    this.save();
    Attune.focusInside(this.list);
  }

  showProblems(problems) {
    for (const problem of problems) {
      const match = /^variants\[(\d+)\]/.exec(problem.path);
      (this.editors[Number(match?.[1])]?.element ?? this.host).prepend(Attune.problemList([problem]));
    }
  }
};

/** How a variable is written: a list with a loop, everything else printed. */
Attune.liquid = (name) => {
  const [list, field] = name.split("[].");
  return field ? `{% for item in ${list} %}{{ item.${field} }}{% endfor %}` : `{{ ${name} }}`;
};

document.addEventListener("DOMContentLoaded", () => {
  const textarea = document.querySelector('[data-at-editor="block"]');
  const content = textarea && Attune.parsed(textarea, null);
  if (Array.isArray(content?.variants)) new Attune.BlockEditor(textarea, content, Attune.config());
});
