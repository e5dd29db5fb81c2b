/* The ruleset editor: a decision table, read from top to bottom. */
"use strict";
Attune.RulesetEditor = class {
  constructor(textarea, config) {
    Object.assign(this, { config, readonly: config.readonly });
    this.content = Attune.parsed(textarea, null);
    const { host, write } = Attune.takeOver(textarea, { readonly: config.readonly });
    this.write = write;
    this.host = host;
    // Rules are asked by priority; the list on the screen is that order.
    this.content.rules = [...(this.content.rules ?? [])].sort((a, b) => a.priority - b.priority);
    this.rules = this.content.rules.map((rule) => ({ rule, isOpen: false }));
    this.fallback = { rule: { key: "", outcome: this.content.fallback ?? {} } };
    this.check = new Attune.RuleCheck(this);
    this.draw();
    this.showProblems(config.problems);
  }

  save() {
    this.rules.forEach(({ rule }, index) => { rule.priority = index + 1; });
    this.content.rules = this.rules.map(({ rule }) => rule);
    this.content.fallback = this.fallback.rule.outcome;
    this.write(this.content);
    this.check.askLater();
  }

  draw() {
    const { h, icon } = Attune;
    this.list = h("ol", { class: "at-rules" });
    const add = h("button", { type: "button", class: "at-add-rule", onclick: () => this.add() }, icon("add"), "Add a rule");
    this.host.replaceChildren(this.check.summary, this.policy(), this.list, this.readonly ? "" : add, this.everyoneElse());
    this.drawRules();
    this.save();
  }

  drawRules() {
    const cards = this.rules.map((entry, index) => {
      entry.card ??= new Attune.RuleCard(entry, this);
      entry.card.place(index, this.rules.length);
      return entry.card.element;
    });
    const { h } = Attune;
    const empty = h("li", { class: "at-hint at-no-rules" }, "No rule yet: everyone sees what stands below.");
    this.list.replaceChildren(...(cards.length ? cards : [empty]));
  }

  policy() {
    const { h, select } = Attune;
    const choose = (value) => {
      this.content.hit_policy = value;
      // The field shows 0 where none was given: so that is what is meant.
      if (value === "highest_value") this.rules.forEach(({ rule }) => { rule.outcome.value ??= 0; });
      this.rules.forEach((entry) => { entry.card = null; });
      this.draw();
    };
    const control = select(Object.entries(this.config.hitPolicies), this.content.hit_policy, choose, { "aria-label": "Which rule decides", disabled: this.readonly });
    return h("div", { class: "at-table-head" }, h("span", {}, "Who"), h("span", { class: "at-policy" }, control, this.exploration()), h("span", { class: "at-head-outcome" }, "What they see"));
  }

  exploration() {
    const { h } = Attune;
    const percent = Math.round((this.content.exploration ?? 0) * 1000) / 10;
    const input = h("input", { type: "number", class: "at-input at-share", min: 0, max: 50, step: 0.5, value: percent, disabled: this.readonly, "aria-label": "Try other content on this share of customers, in percent" });
    input.addEventListener("change", () => {
      const share = Math.min(Math.max(Number(input.value) || 0, 0), 50);
      input.value = share;
      this.content.exploration = share / 100;
      this.save();
    });
    return h("label", { class: "at-hint at-exploration", title: "Something else that fits them as well, so that you learn how it does" }, "Try other content on ", input, " %");
  }

  everyoneElse() {
    const { h, icon } = Attune;
    this.fallbackElement = h(
      "section",
      { class: "at-rule at-fallback", "aria-label": "Everyone else" },
      h("div", { class: "at-rule-line" },
        h("span", { class: "at-number-badge" }, icon("all_inclusive")),
        h("div", { class: "at-rule-who" }, h("strong", {}, "Everyone else"), h("p", { class: "at-sentence" }, "Customers for whom no rule above holds. Data somebody did not agree to counts as not there."), this.check.fallback, this.check.fallbackRemarks),
        new Attune.OutcomeEditor(this.fallback.rule, this).element,
        h("span", { class: "at-rule-tools" }))
    );
    return this.fallbackElement;
  }

  add() {
    const taken = new Set(this.rules.map(({ rule }) => rule.key));
    let number = this.rules.length + 1;
    while (taken.has(`rule-${number}`)) number += 1;
    const block = this.config.blocks[0];
    const outcome = block ? { block: block.slug, variant: block.variants[0].key } : {};
    const rule = { key: `rule-${number}`, name: "", priority: number, condition: { all: [] }, outcome, is_enabled: true };
    if (this.content.hit_policy === "highest_value") outcome.value = 0;
    const entry = { rule, isOpen: true };
    this.rules.push(entry);
    this.drawRules();
    this.save();
    entry.card.name.focus();
  }

  move(entry, to, focus) {
    const from = this.rules.indexOf(entry);
    if (to < 0 || to >= this.rules.length || to === from) return;
    this.rules.splice(from, 1);
    this.rules.splice(to, 0, entry);
    this.drawRules();
    this.save();
    entry.card.element.scrollIntoView({ block: "nearest" });
    (focus?.disabled ? entry.card.handle : focus)?.focus();
    this.say(`Rule ${entry.rule.name || entry.rule.key} is now number ${to + 1} of ${this.rules.length}.`);
  }

  remove(entry) {
    const index = this.rules.indexOf(entry);
    this.rules.splice(index, 1);
    this.drawRules();
    this.save();
    (this.rules[Math.min(index, this.rules.length - 1)]?.card.name ?? this.host.querySelector(".at-add-rule"))?.focus();
  }

  /** What a screen reader hears when the order changes. */
  say(text) {
    this.live ??= this.host.parentNode.appendChild(Attune.h("p", { class: "at-unseen", "aria-live": "polite" }));
    this.live.textContent = text;
  }

  showProblems(problems) {
    for (const problem of problems) {
      const match = /^rules\[(\d+)\](?:\.(.*))?$/.exec(problem.path);
      const card = match && this.rules[Number(match[1])]?.card;
      if (card) card.showProblem(match[2] ?? "", problem);
      else if (problem.path.startsWith("fallback")) this.fallbackElement.append(Attune.problemList([problem]));
      else this.host.prepend(Attune.problemList([problem]));
    }
  }
};

document.addEventListener("DOMContentLoaded", () => {
  const textarea = document.querySelector('[data-at-editor="ruleset"]');
  if (!textarea) return;
  const content = Attune.parsed(textarea, null);
  if (content === null || typeof content !== "object" || !Array.isArray(content.rules ?? [])) return;
  new Attune.RulesetEditor(textarea, Attune.config());
});
