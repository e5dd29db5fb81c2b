/* The block editor: its languages, its variants, what is wrong in them. */
"use strict";
Attune.BlockEditor = class {
  constructor(textarea, content, config) {
    const { host, write } = Attune.takeOver(textarea, { readonly: config.readonly });
    Object.assign(this, { host, write, content, config, readonly: config.readonly, editors: [] });
    this.list = Attune.h("div", {});
    const { h, icon } = Attune;
    const add = h("button", { type: "button", class: "at-add-rule", onclick: () => this.add() }, icon("add"), "Add a variant");
    const help = Attune.variableHelp(config.variables, (name) => this.focused?.insert(Attune.liquid(name)));
    this.languageBar = new Attune.LanguageBar(this);
    host.append(h("div", { class: "at-card" }, help), this.languageBar.element, this.list, this.readonly ? "" : add);
    this.editors = content.variants.map((variant) => new Attune.VariantEditor(variant, this));
    this.list.append(...this.editors.map((each) => each.element));
    this.focused = this.editors[0]?.html.editor;
    this.showProblems(config.problems);
    this.save();
  }

  save() {
    this.write(this.content);
  }

  /** Show one language in all variants. */
  showLanguage(tag) {
    this.languageBar.draw();
    this.editors.forEach((each) => { each.language = tag; each.draw(); });
  }

  add() {
    const taken = new Set(this.content.variants.map((variant) => variant.key));
    const key = [..."abcdefghijklmnopqrstuvwxyz"].find((letter) => !taken.has(letter)) ?? `v${taken.size + 1}`;
    const variant = { key, name: "", html: "", text: "" };
    this.content.variants.push(variant);
    const editor = new Attune.VariantEditor(variant, this);
    this.editors.push(editor);
    this.list.append(editor.element);
    this.languageBar.draw();
    this.save();
    Attune.focusInside(editor.element);
  }

  remove(editor) {
    this.content.variants.splice(this.content.variants.indexOf(editor.variant), 1);
    this.editors.splice(this.editors.indexOf(editor), 1);
    editor.element.remove();
    this.languageBar.draw();
    this.save();
    Attune.focusInside(this.list);
  }

  /** Show a problem where it is: in its variant, with the language on show that it is about. */
  showProblems(problems) {
    for (const problem of problems) {
      const [, place, language] = /^variants\[(\d+)\](?:\.languages\[(\d+)\])?/.exec(problem.path) ?? [];
      const editor = this.editors[Number(place)];
      const tag = editor?.variant.languages?.[Number(language)]?.language;
      if (tag) {
        editor.language = tag;
        editor.draw();
      }
    }
    for (const problem of problems) {
      const place = /^variants\[(\d+)\]/.exec(problem.path)?.[1];
      const at = problem.path === "language" ? this.languageBar.element : this.editors[Number(place)]?.element;
      (at ?? this.host).prepend(Attune.problemList([problem]));
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
