/* One variant of a block: its texts, language by language, and how a reader sees them. */
"use strict";
Attune.VariantEditor = class {
  constructor(variant, editor) {
    // The language on show; "" is the default.
    Object.assign(this, { variant, editor, reader: "known", language: "" });
    this.element = Attune.h("section", { class: "at-variant", "aria-label": `Variant ${variant.key}` });
    this.ask = Attune.newest((signal) => Attune.post(editor.config.previewUrl, { html: this.texts.html, text: this.texts.text, reader: this.reader, language: this.language || editor.content.language }, signal));
    this.askLater = Attune.later(() => this.refresh(), 400);
    this.draw();
  }

  /** What is on show: the variant itself, or what it says in another language. */
  get texts() {
    return this.language ? this.variant.languages?.find((each) => each.language === this.language) : this.variant;
  }

  draw() {
    const { h } = Attune;
    const { languageBar } = this.editor;
    const below = this.texts ? this.fields() : this.missing();
    const tags = languageBar.tags;
    this.element.replaceChildren(this.head(), ...(tags.length ? [this.tabs(tags)] : []), h("div", {}, below));
    if (this.texts) this.refresh();
  }

  head() {
    const { h, iconButton } = Attune;
    const { readonly } = this.editor;
    const isFallback = h("input", { type: "radio", name: "at-fallback", checked: this.editor.content.fallback === this.variant.key, disabled: readonly, onchange: () => { this.editor.content.fallback = this.variant.key; this.editor.save(); } });
    const remove = readonly ? null : iconButton("delete", "Delete this variant", () => this.editor.remove(this));
    return h("div", { class: "at-variant-head" }, this.line(this.variant, "key", "Key", 8), this.line(this.variant, "name", "Name", 30), h("label", { class: "at-radio", title: "Shown when nothing else fits" }, isFallback, "Fallback"), remove);
  }

  line(texts, key, label, width, extra = {}) {
    const { h } = Attune;
    return h("label", { class: "at-field" }, h("span", {}, label), h("input", { type: "text", class: "at-input", value: texts[key] ?? "", maxlength: 80, size: width, disabled: this.editor.readonly, oninput: (event) => this.set(texts, key, event.target.value), ...extra }));
  }

  /** A button for each language; those without a text say so. */
  tabs(tags) {
    const { h, icon } = Attune;
    const { languageBar, content } = this.editor;
    const button = (tag, label, state) =>
      h("button", { type: "button", "aria-pressed": String(tag === this.language), class: state ? `at-${state}` : null, title: state === "missing" ? "No text yet: these readers get the default" : null, "aria-label": state === "missing" ? `${label}, no text yet` : null, onclick: () => { this.language = tag; this.draw(); } }, label, state === "missing" ? icon("add") : null);
    const first = button("", content.language ? `${languageBar.name(content.language)} · default` : "Default");
    return h("div", { class: "at-tabs at-language-tabs", role: "group", "aria-label": `Languages of variant ${this.variant.key}` }, first, tags.map((tag) => button(tag, languageBar.name(tag), this.has(tag) ? "" : "missing")));
  }

  has(tag) {
    return Boolean(this.variant.languages?.some((each) => each.language === tag));
  }

  missing() {
    const { h, icon } = Attune;
    const name = this.editor.languageBar.name(this.language);
    const copy = h("button", { type: "button", class: "at-button", onclick: () => this.begin(this.language) }, icon("edit"), `Write it in ${name}`);
    return h("div", { class: "at-no-language" }, h("p", {}, `No text in ${name} yet: its readers get the default of this variant.`), this.editor.readonly ? null : copy);
  }

  /** Begin a language with a copy of the default: its structure stays, its words are replaced. */
  begin(tag) {
    const { html, text } = this.variant;
    (this.variant.languages ??= []).push({ language: tag, name: "", html, text });
    this.editor.save();
    this.editor.languageBar.draw();
    this.draw();
    this.html.editor.textarea.focus();
  }

  end() {
    this.variant.languages = this.variant.languages.filter((each) => each.language !== this.language);
    this.editor.languageBar.added.add(this.language);
    this.editor.save();
    this.editor.languageBar.draw();
    this.draw();
  }

  fields() {
    const { h } = Attune;
    const texts = this.texts;
    this.html = this.area(texts, "html", "HTML", 10);
    this.text = this.area(texts, "text", "Text", 5);
    this.messages = h("div", {});
    this.stage = Attune.frame(`Preview of variant ${this.variant.key}`);
    this.plain = h("pre", { class: "at-plain" });
    const bar = h("div", { class: "at-preview-bar" }, h("strong", {}, "As seen by"), Attune.tabs(Attune.READERS, this.reader, (reader) => { this.reader = reader; this.refresh(); }, "Reader"));
    const preview = h("div", { class: "at-preview at-sticky" }, bar, this.messages, h("div", { class: "at-stage" }, this.stage.frame), this.plain);
    const own = this.language ? [this.ofLanguage(texts)] : [];
    return h("div", { class: "at-split" }, h("div", { class: "at-variant-fields" }, ...own, this.html.element, this.text.element), preview);
  }

  ofLanguage(texts) {
    const { h, icon } = Attune;
    const name = this.editor.languageBar.name(this.language);
    const remove = h("button", { type: "button", class: "at-link at-remove-language", onclick: () => this.end() }, icon("delete"), `Remove ${name}`);
    this.same = h("p", { class: "at-hint at-same" });
    this.tellSame();
    return h("div", { class: "at-of-language" }, this.line(texts, "name", `Name in ${name}`, 24, { placeholder: this.variant.name }), this.editor.readonly ? null : remove, this.same);
  }

  tellSame() {
    const isSame = this.language && (this.texts.html === this.variant.html || this.texts.text === this.variant.text);
    if (this.same) this.same.textContent = isSame ? "Still the words of the default: write them anew." : "";
  }

  area(texts, key, label, rows) {
    const { h } = Attune;
    const textarea = h("textarea", { rows, spellcheck: "false", class: "at-code", "aria-label": label, lang: this.language || null, readonly: this.editor.readonly, oninput: () => this.set(texts, key, textarea.value), onfocus: () => { this.editor.focused = editor; } });
    textarea.value = texts[key] ?? "";
    const element = h("div", { class: "at-field" }, h("span", {}, label), textarea);
    const editor = new Attune.CodeEditor(textarea);
    return { element, editor };
  }

  set(texts, key, value) {
    if (key === "key" && this.editor.content.fallback === this.variant.key) this.editor.content.fallback = value;
    texts[key] = value;
    this.editor.save();
    if (key !== "html" && key !== "text") return;
    this.tellSame();
    this.askLater();
  }

  async refresh() {
    const answer = await this.ask().catch((error) => ({ html: "", text: "", problems: [{ message: `No preview: ${error.message}` }] }));
    if (answer && this.texts) this.show(answer);
  }

  show(answer) {
    this.messages.replaceChildren(...(answer.problems.length ? [Attune.problemList(answer.problems)] : []));
    this.html.editor.mark(answer.problems.filter((each) => each.path === "html"));
    this.text.editor.mark(answer.problems.filter((each) => each.path === "text"));
    this.stage.show(`<body style="margin:16px;font:15px/1.55 'Segoe UI',Helvetica,Arial,sans-serif;color:#2f3b34">${answer.html}</body>`);
    this.plain.textContent = answer.text;
  }
};
