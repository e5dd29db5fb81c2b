/* What a rule shows: block and variant, an offer, products by a strategy with its parameters. */
"use strict";
Attune.OutcomeEditor = class {
  constructor(rule, editor) {
    Object.assign(this, { rule, editor });
    this.element = Attune.h("div", { class: "at-outcome" });
    this.isOpen = false;
    this.draw();
  }

  get outcome() {
    return this.rule.outcome;
  }

  set(changes) {
    Object.assign(this.outcome, changes);
    for (const [name, value] of Object.entries(changes)) if (value === undefined || value === "") delete this.outcome[name];
    this.editor.save();
  }

  draw() {
    const isFallback = !this.rule.key;
    const parts = [this.block(), this.variant(), isFallback ? null : this.offer(), this.strategy(), this.parameters()];
    if (this.editor.content.hit_policy === "highest_value" && !isFallback) parts.push(this.value());
    this.element.replaceChildren(...parts.filter(Boolean));
  }

  labelled(name, title, control) {
    const { h, icon } = Attune;
    return h("label", { class: "at-labelled", title }, icon(name), h("span", { class: "at-unseen" }, title), control);
  }

  choose(title, name, options, value, onchange) {
    const known = options.some(([key]) => key === (value ?? "")) ? options : [[value ?? "", `${value} (gone)`], ...options];
    return this.labelled(name, title, Attune.select(known, value ?? "", onchange, { "aria-label": title, disabled: this.editor.readonly }));
  }

  block() {
    const { blocks } = this.editor.config;
    const options = blocks.map((each) => [each.slug, each.name]);
    if (!this.outcome.block) options.unshift(["", "Choose a block …"]);
    return this.choose("Block", "dashboard_customize", options, this.outcome.block, (slug) => {
      const chosen = blocks.find((each) => each.slug === slug);
      this.set({ block: slug, variant: chosen?.variants[0].key });
      this.draw();
    });
  }

  variant() {
    const block = this.editor.config.blocks.find((each) => each.slug === this.outcome.block);
    const options = (block?.variants ?? []).map((each) => [each.key, each.name]);
    if (!this.outcome.variant) options.unshift(["", "Choose a variant …"]);
    return this.choose("Variant", "style", options, this.outcome.variant, (key) => this.set({ variant: key }));
  }

  offer() {
    const { offers } = this.editor.config;
    if (!offers.length && !this.outcome.offer) return null;
    const options = [["", "No offer"], ...offers.map((each) => [each.slug, each.name])];
    return this.choose("Offer", "sell", options, this.outcome.offer, (slug) => this.set({ offer: slug }));
  }

  strategy() {
    const { strategies } = this.editor.config;
    const options = [["", "No choice of products"], ...Object.entries(strategies)];
    return this.choose("Products", "recommend", options, this.outcome.strategy, (name) => {
      // Parameters of the strategy before may mean nothing to this one.
      this.set({ strategy: name, parameters: undefined });
      this.draw();
    });
  }

  value() {
    const { h } = Attune;
    const control = h("input", { class: "at-input", type: "number", step: "any", value: this.outcome.value ?? 0, "aria-label": "Value of this outcome", disabled: this.editor.readonly, oninput: (event) => this.set({ value: Number(event.target.value) }) });
    return this.labelled("paid", "Value of this outcome", control);
  }

  // The parameters of a strategy: none is shown until one is asked for.

  parameters() {
    const { h, icon } = Attune;
    if (!this.outcome.strategy) return null;
    const set = Object.keys(this.outcome.parameters ?? {}).length;
    const words = set ? `${set} ${set === 1 ? "limit" : "limits"} on products` : "Limit the products";
    const button = h("button", { type: "button", class: "at-link at-open", "aria-expanded": String(this.isOpen), onclick: () => { this.isOpen = !this.isOpen; this.draw(); } }, icon(this.isOpen ? "expand_less" : "tune"), words);
    if (!this.isOpen) return button;
    const { options } = this.editor.config;
    const all = [...options.common, ...(options.own[this.outcome.strategy] ?? [])];
    return h("div", { class: "at-parameters" }, button, ...all.map((option) => this.parameter(option)));
  }

  parameter(option) {
    const { h } = Attune;
    const value = this.outcome.parameters?.[option.name];
    return h("label", { class: "at-field", title: option.help || null }, h("span", {}, option.label), this.control(option, value));
  }

  control(option, value) {
    const { h, select } = Attune;
    const props = { class: "at-input", disabled: this.editor.readonly };
    const keep = (given) => this.keep(option.name, given);
    if (option.kind === "choice") return select([["", "–"], ...option.choices.map((each) => [each, each])], value ?? "", (given) => keep(given || undefined), props);
    if (option.kind === "texts") {
      const read = (text) => text.split(",").map((each) => each.trim()).filter(Boolean);
      return h("input", { ...props, placeholder: "separated by commas", value: (value ?? []).join(", "), onchange: (event) => { const names = read(event.target.value); keep(names.length ? names : undefined); } });
    }
    return h("input", { ...props, type: "number", min: String(option.least), max: String(option.most), step: option.kind === "whole" ? "1" : "any", value: value ?? "", oninput: (event) => keep(event.target.value === "" ? undefined : Number(event.target.value)) });
  }

  keep(name, value) {
    const parameters = { ...(this.outcome.parameters ?? {}) };
    if (value === undefined) delete parameters[name];
    else parameters[name] = value;
    this.set({ parameters: Object.keys(parameters).length ? parameters : undefined });
  }
};
