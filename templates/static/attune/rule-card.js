/* One line of a decision table: who, in words and in a builder, and what they see. */
"use strict";
Attune.RuleCard = class {
  constructor(entry, editor) {
    Object.assign(this, { entry, rule: entry.rule, editor });
    const { config } = editor;
    this.preview = new Attune.ConditionPreview({ url: config.previewUrl, onanswer: (answer) => this.answered(answer) });
    this.askParts = Attune.newest((signal) => Attune.post(config.partsUrl, { tree: this.rule.condition }, signal));
    this.element = Attune.h("li", { class: "at-rule" });
    this.draw();
    this.preview.refresh(this.rule.condition);
  }

  draw() {
    const { h, icon } = Attune;
    const { readonly } = this.editor;
    this.badge = h("span", { class: "at-number-badge" });
    this.handle = h("button", { type: "button", class: "at-handle", title: "Drag to move; with the keyboard: arrow up and down, Home and End", "aria-label": "Move this rule", onkeydown: (event) => this.onkey(event) }, icon("drag_indicator"));
    this.name = h("input", { class: "at-input at-rule-name", value: this.rule.name, placeholder: "Name this rule, as “Loves wine, spent a lot”", maxlength: 200, "aria-label": "Name of the rule", disabled: readonly, oninput: (event) => { this.rule.name = event.target.value; this.editor.save(); } });
    this.panel = h("div", { class: "at-rule-panel" });
    this.decides = h("span", { class: "at-decides" });
    this.remarks = h("ul", { class: "at-remarks" });
    this.openButton = h("button", { type: "button", class: "at-link at-open", onclick: () => this.toggle() });
    const who = h("div", { class: "at-rule-who" }, this.name, this.preview.sentence, h("div", { class: "at-rule-meta" }, this.decides, h("span", { class: "at-fits" }, "fits ", this.preview.count), this.schedule(), this.openButton), this.remarks);
    const line = h("div", { class: "at-rule-line" }, h("span", { class: "at-rule-place" }, readonly ? null : this.handle, this.badge), who, new Attune.OutcomeEditor(this.rule, this.editor).element, this.tools());
    this.element.replaceChildren(line, this.panel);
    if (!readonly) new Attune.RuleDrag(this);
    this.setOpen(this.entry.isOpen);
    this.setEnabled(this.rule.is_enabled ?? true);
  }

  place(index, count) {
    this.badge.textContent = String(index + 1);
    this.up.disabled = this.editor.readonly || index === 0;
    this.down.disabled = this.editor.readonly || index === count - 1;
  }

  tools() {
    const { h, iconButton } = Attune;
    const at = () => this.editor.rules.indexOf(this.entry);
    this.up = iconButton("arrow_upward", "Move up", () => this.editor.move(this.entry, at() - 1, this.up));
    this.down = iconButton("arrow_downward", "Move down", () => this.editor.move(this.entry, at() + 1, this.down));
    this.enabled = h("input", { type: "checkbox", class: "at-switch", role: "switch", checked: this.rule.is_enabled ?? true, "aria-label": "Switched on", title: "Switched on", disabled: this.editor.readonly, onchange: (event) => { this.rule.is_enabled = event.target.checked; this.setEnabled(event.target.checked); this.editor.save(); } });
    const remove = this.editor.readonly ? null : iconButton("delete", "Delete this rule", () => this.editor.remove(this.entry));
    return h("span", { class: "at-rule-tools" }, this.enabled, h("span", { class: "at-rule-arrows" }, this.up, this.down), remove);
  }

  schedule() {
    const { h, icon } = Attune;
    this.period = h("span", { class: "at-period" });
    this.showPeriod();
    return this.period;
  }

  showPeriod() {
    const { icon } = Attune;
    const day = (text) => this.utc(text)?.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }) ?? text;
    const from = this.rule.active_from, until = this.rule.active_until;
    const words = from && until ? `${day(from)} – ${day(until)}` : from ? `from ${day(from)}` : until ? `until ${day(until)}` : "";
    this.period.replaceChildren(...(words ? [icon("calendar_month"), words] : []));
  }

  /** As the server reads it: without a zone it is UTC. What is no time is null. */
  utc(text) {
    const hasZone = /^\d{4}-\d\d-\d\d$|(Z|[+-]\d\d:\d\d)$/.test(text ?? "");
    const at = new Date(hasZone ? text : `${text}Z`);
    return text && !Number.isNaN(at.getTime()) ? at : null;
  }

  moment(key, label) {
    const { h } = Attune;
    const value = this.utc(this.rule[key])?.toISOString().slice(0, 16) ?? "";
    const change = (event) => {
      if (event.target.value) this.rule[key] = `${event.target.value}:00Z`;
      else delete this.rule[key];
      this.showPeriod();
      this.editor.save();
    };
    return h("label", { class: "at-field" }, h("span", {}, label), h("input", { type: "datetime-local", class: "at-input", value, onchange: change, disabled: this.editor.readonly }));
  }

  toggle() {
    this.setOpen(!this.entry.isOpen);
  }

  setOpen(isOpen) {
    const { h, icon } = Attune;
    this.entry.isOpen = isOpen;
    this.openButton.setAttribute("aria-expanded", String(isOpen));
    this.openButton.replaceChildren(icon(isOpen ? "expand_less" : "tune"), isOpen ? "Close" : this.editor.readonly ? "Show condition" : "Edit condition");
    this.panel.hidden = !isOpen;
    if (!isOpen || this.builder) return;
    const canvas = h("div", { class: "at-builder" });
    const { config } = this.editor;
    this.people = new Attune.PeoplePanel({ url: config.peopleUrl });
    this.test = new Attune.CustomerTest({ url: config.traceUrl, tree: () => this.rule.condition, ontrace: (trace) => this.builder.showTrace(trace), title: "Does this rule hold for somebody?", verdicts: ["the rule holds", "the rule does not hold"] });
    this.panel.append(canvas, h("div", { class: "at-panels" }, this.test.element, this.people.element), h("div", { class: "at-schedule" }, this.moment("active_from", "Active from (UTC)"), this.moment("active_until", "until (UTC)")));
    this.builder = new Attune.ConditionBuilder(canvas, { tree: this.rule.condition, vocabulary: this.editor.config.vocabulary, readonly: this.editor.readonly, onchange: (tree) => this.changed(tree) });
    this.answered(this.answer);
  }

  changed(tree) {
    this.rule.condition = tree;
    this.test.clear();
    this.editor.save();
    this.preview.askLater(tree);
  }

  /** What an open rule shows of its condition: faults, how many each part holds for, some people. */
  answered(answer) {
    this.answer = answer;
    if (!answer || !this.builder) return;
    this.builder.show(answer.problems);
    if (answer.problems.length) {
      this.people.rest();
      return;
    }
    this.people.refresh(this.rule.condition);
    this.askParts().then((found) => found && this.builder.showCounts(found.parts, found.total)).catch(() => {});
  }

  setEnabled(isEnabled) {
    this.element.classList.toggle("at-off", !isEnabled);
  }

  showProblem(path, problem) {
    if (path.startsWith("condition")) {
      this.setOpen(true);
      this.builder.show([...this.builder.problems, { ...problem, path: path.replace(/^condition\.?/, "") }]);
    } else {
      this.element.append(Attune.problemList([problem]));
    }
    this.element.classList.add("at-wrong");
  }

  onkey(event) {
    const { rules } = this.editor;
    const at = rules.indexOf(this.entry);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rules.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.editor.move(this.entry, to, this.handle);
  }
};
