/* Languages of a block: what they are called, which ones a variant has, and which it lacks. */
"use strict";
Attune.languageName = (names, tag) => {
  const [base, ...rest] = tag.split("-");
  const name = names[base] ?? base;
  return rest.length ? `${name} (${rest.join("-")})` : name;
};

/** Read "German", "de" or "de_at" as a tag; "" if it is no language. */
Attune.languageTag = (names, typed) => {
  const written = typed.trim().toLowerCase().replaceAll("_", "-");
  const byName = Object.entries(names).find(([, name]) => name.toLowerCase() === written);
  if (byName) return byName[0];
  const found = /^([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|\d{3}))?$/.exec(written);
  if (!found || !names[found[1]]) return "";
  const script = found[2] && found[2][0].toUpperCase() + found[2].slice(1);
  return [found[1], script, found[3]?.toUpperCase()].filter(Boolean).join("-");
};

/** The bar above all variants: the language of the default, the others, and how complete they are. */
Attune.LanguageBar = class {
  constructor(editor) {
    Object.assign(this, { editor, names: editor.config.languages, added: new Set() });
    this.element = Attune.h("section", { class: "at-card at-languages", "aria-label": "Languages" });
    this.draw();
  }

  /** All languages beside the default, in the order in which variants have them. */
  get tags() {
    const written = this.editor.content.variants.flatMap((variant) => (variant.languages ?? []).map((each) => each.language));
    return [...new Set([...written, ...this.added])];
  }

  name(tag) {
    return Attune.languageName(this.names, tag);
  }

  draw() {
    const { h, icon } = Attune;
    const tags = this.tags;
    const title = h("h3", {}, icon("translate"), "Languages");
    const hint = h("p", { class: "at-hint" }, tags.length
      ? "Each reader gets the text of their language, or the nearest to it; everybody else gets the default."
      : "This block is the same for everybody. Add a language, and readers of it get a text of their own.");
    this.element.replaceChildren(title, hint, ...(tags.length ? [this.list(tags)] : []), ...(this.editor.readonly ? [] : [this.adding()]));
  }

  list(tags) {
    const { h } = Attune;
    const total = this.editor.content.variants.length;
    const known = Object.entries(this.names).sort((one, other) => one[1].localeCompare(other[1]));
    const current = this.editor.content.language ?? "";
    const options = current && !this.names[current] ? [[current, this.name(current)], ...known] : known;
    const choice = Attune.select([["", "Choose…"], ...options], current, (tag) => this.setDefault(tag), { "aria-label": "Language of the default", disabled: this.editor.readonly });
    const first = h("li", {}, h("span", { class: "at-language-name" }, "Default"), choice);
    return h("ul", { class: "at-language-list" }, first, tags.map((tag) => this.line(tag, total)));
  }

  line(tag, total) {
    const { h } = Attune;
    const count = this.editor.content.variants.filter((variant) => variant.languages?.some((each) => each.language === tag)).length;
    const state = count === total ? h("span", { class: "at-chip at-good" }, total === 1 ? "written" : "all variants") : h("span", { class: "at-chip at-warn" }, `${count} of ${total} variants`);
    const show = h("button", { type: "button", class: "at-link", onclick: () => this.editor.showLanguage(tag) }, "Show");
    return h("li", {}, h("span", { class: "at-language-name" }, this.name(tag)), state, show);
  }

  adding() {
    const { h, icon } = Attune;
    const options = Object.entries(this.names).map(([tag, name]) => h("option", { value: name }, tag));
    const note = h("span", { class: "at-language-note", role: "status" });
    const input = h("input", { type: "text", class: "at-input", list: "at-language-names", placeholder: "German, or de-AT", "aria-label": "Add a language", autocomplete: "off", maxlength: 40, onkeydown: (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.add(input.value, note);
    } });
    const button = h("button", { type: "button", class: "at-button", onclick: () => this.add(input.value, note) }, icon("add"), "Add");
    return h("div", { class: "at-language-add" }, input, h("datalist", { id: "at-language-names" }, options), button, note);
  }

  add(typed, note) {
    const tag = Attune.languageTag(this.names, typed);
    const content = this.editor.content;
    if (!tag) note.textContent = typed.trim() ? `“${typed.trim()}” is no language we know: choose one from the list.` : "Say which language.";
    else if (this.tags.includes(tag) || tag === content.language) note.textContent = `${this.name(tag)} is there already.`;
    else {
      content.language ??= tag === this.editor.config.language ? "" : this.editor.config.language;
      this.added.add(tag);
      this.editor.save();
      this.editor.showLanguage(tag);
    }
  }

  setDefault(tag) {
    this.editor.content.language = tag;
    this.editor.save();
    this.editor.editors.forEach((each) => each.draw());
  }
};
