/* The condition builder: nested groups of conditions, all of it native controls. */
"use strict";
Attune.ConditionBuilder = class {
  /** `onchange(tree)` hears every change; `readonly` shows without letting edit. */
  constructor(host, { tree, vocabulary, onchange, readonly }) {
    Object.assign(this, { host, vocabulary, onchange, readonly });
    this.fields = new Map(vocabulary.fields.map((field) => [field.path, field]));
    this.root = Attune.conditions.readRoot(tree);
    this.problems = [];
    this.rows = new Map();
    this.draw();
  }

  get tree() {
    return Attune.conditions.writeRoot(this.root);
  }

  /** Show each problem at the row whose path it lies in. */
  show(problems) {
    this.problems = problems;
    this.host.querySelectorAll(".at-row-problem").forEach((element) => element.remove());
    for (const problem of problems) {
      const rows = [...this.rows].filter(([node]) => node.path !== undefined && (problem.path ?? "").startsWith(node.path));
      const [, element] = rows.sort(([a], [b]) => b.path.length - a.path.length)[0] ?? [null, this.host.firstChild];
      element?.append(Attune.h("p", { class: "at-row-problem", role: "alert" }, problem.message));
    }
  }

  changed() {
    this.onchange?.(this.tree);
  }

  /** Draw all of it again; what is typed meanwhile sits in the model already. */
  draw(focus) {
    this.rows.clear();
    this.host.replaceChildren(this.group(this.root, null));
    if (this.readonly) this.host.querySelectorAll("input, select, textarea, button").forEach((each) => { each.disabled = true; });
    Attune.conditions.writeRoot(this.root);
    this.show(this.problems);
    if (focus) Attune.focusInside(this.rows.get(focus));
  }

  redraw(focus) {
    this.problems = [];
    this.draw(focus);
    this.changed();
  }

  group(node, parent) {
    const { h, icon, select } = Attune;
    const modes = [["all", "all of these hold"], ["any", "at least one of these holds"], ["none", "none of these holds"]];
    const head = h(
      "div",
      { class: "at-group-head" },
      h("span", { class: "at-group-word" }, parent ? "where" : "Customers for whom"),
      select(modes, node.mode, (mode) => { node.mode = mode; node.isLone = false; this.redraw(node); }, { "aria-label": "How the conditions of this group combine" }),
      parent ? this.remove(node, parent, "Remove this group") : null
    );
    const word = { all: "and", any: "or", none: "nor" }[node.mode];
    const children = node.children.map((child, index) =>
      h("div", { class: "at-child", "data-word": index ? word : "" }, child.kind === "group" ? this.group(child, node) : this.row(child, node))
    );
    const empty = node.children.length ? null : h("p", { class: "at-hint at-empty-group" }, parent ? "Empty: add a condition." : "No condition yet: every customer.");
    const add = (label, make, name) =>
      h("button", { type: "button", class: "at-link", onclick: () => { const child = make(); node.children.push(child); this.redraw(child); } }, icon(name), label);
    const event = () => ({ kind: "event", event: this.vocabulary.events[0].name, measure: "count", op: "gte", value: 1, within: { unit: "days", amount: 30 }, where: [] });
    const foot = h(
      "div",
      { class: "at-group-foot" },
      add("Property", () => Attune.conditions.blankField(this.vocabulary), "add"),
      this.vocabulary.events.length ? add("Behaviour", event, "add") : null,
      this.vocabulary.segments.length ? add("Segment", () => ({ kind: "segment", slug: this.vocabulary.segments[0].slug }), "add") : null,
      add("Group", () => Attune.conditions.group(node.mode === "all" ? "any" : "all", [Attune.conditions.blankField(this.vocabulary)]), "account_tree")
    );
    const element = h("fieldset", { class: `at-group at-${node.mode}` }, head, empty, ...children, this.readonly ? null : foot);
    this.rows.set(node, element);
    return element;
  }

  row(node, parent) {
    const { h } = Attune;
    const body = { field: () => this.field(node), event: () => this.event(node), segment: () => this.segment(node), raw: () => this.raw(node) }[node.kind]();
    const element = h("div", { class: `at-row at-row-${node.kind}` }, h("div", { class: "at-row-body" }, ...body), this.remove(node, parent, "Remove this condition"));
    this.rows.set(node, element);
    return element;
  }

  remove(node, parent, label) {
    if (this.readonly) return null;
    return Attune.iconButton("close", label, () => {
      parent.children.splice(parent.children.indexOf(node), 1);
      this.redraw(parent);
    });
  }

  field(node) {
    const { select } = Attune;
    const options = (kind) => [...this.fields.values()].filter((field) => field.path.startsWith(kind)).map((field) => [field.path, field.label]);
    const groups = [["Given", options("attributes.")], ["Derived from behaviour", options("traits.")]].filter(([, each]) => each.length);
    if (!this.fields.has(node.field)) groups.unshift([node.field, `${node.field} (unknown)`]);
    const choose = (path) => {
      const spec = this.fields.get(path);
      const fits = this.vocabulary.operators[spec.type].includes(node.op) && spec.type === this.fields.get(node.field)?.type;
      Object.assign(node, { field: path, op: fits ? node.op : spec.type === "number" ? "gte" : this.vocabulary.operators[spec.type][0], value: fits ? node.value : null });
      this.redraw(node);
    };
    return [select(groups, node.field, choose, { "aria-label": "Property", class: "at-input at-subject" }), ...this.comparison(node, this.fields.get(node.field) ?? { type: "text" }, node)];
  }

  /** Operator and value of anything that compares; `focus` is the row to come back to. */
  comparison(node, spec, focus) {
    const labels = this.vocabulary.operatorLabels;
    const operators = this.vocabulary.operators[spec.type] ?? [node.op];
    const known = operators.includes(node.op) ? operators : [node.op, ...operators];
    const choose = (op) => { node.op = op; node.value = null; this.redraw(focus); };
    const control = Attune.valueControl(spec, node.op, node.value, (value) => { node.value = value; this.changed(); });
    return [Attune.select(known.map((op) => [op, labels[op] ?? op]), node.op, choose, { "aria-label": "Comparison" }), control];
  }

  event(node) {
    const { h, select } = Attune;
    const numbers = (op) => ["gte", "lte", "eq", "gt", "lt"].map((each) => [each, { gte: "at least", lte: "at most", eq: "exactly", gt: "more than", lt: "fewer than" }[each]]).concat(op === "between" || op === "ne" ? [[op, this.vocabulary.operatorLabels[op]]] : []);
    const measures = [["never", "has not"], ["count", "has, this often:"], ["sum", "has, adding up to"], ["avg", "has, on average"]];
    const events = this.vocabulary.events.map((event) => [event.name, event.name]);
    if (!events.some(([name]) => name === node.event)) events.unshift([node.event, `${node.event} (unknown)`]);
    const measure = (chosen) => { Object.assign(node, { measure: chosen, op: "gte", value: chosen === "count" ? 1 : 100 }); this.redraw(node); };
    const isMeasured = node.measure !== "never";
    const amount = Attune.valueControl({ type: "number" }, node.op === "between" ? "between" : "eq", node.value, (value) => { node.value = value; this.changed(); });
    const parts = [
      select(measures, node.measure, measure, { "aria-label": "What is measured" }),
      select(events, node.event, (name) => { node.event = name; this.redraw(node); }, { "aria-label": "Behaviour", class: "at-input at-subject" }),
      isMeasured ? select(numbers(node.op), node.op, (op) => { node.op = op; this.changed(); }, { "aria-label": "Comparison" }) : null,
      isMeasured ? amount : null,
      isMeasured ? h("span", { class: "at-unit" }, node.measure === "count" ? (node.value === 1 ? "time" : "times") : "in amount") : null,
      this.window(node),
    ];
    return [...parts, this.where(node)];
  }

  window(node) {
    const { h, select } = Attune;
    const toggle = select([["ever", "at any time"], ["within", "in the last"]], node.within ? "within" : "ever", (chosen) => {
      node.within = chosen === "within" ? { unit: "days", amount: 30 } : null;
      this.redraw(node);
    }, { "aria-label": "Time" });
    if (!node.within) return toggle;
    const length = Attune.valueControl({ type: "date" }, "within_last", { [node.within.unit]: node.within.amount }, (value) => {
      const [unit, amount] = Object.entries(value)[0];
      node.within = { unit, amount };
      this.changed();
    });
    return h("span", { class: "at-inline" }, toggle, length);
  }

  where(node) {
    const { h, icon, iconButton } = Attune;
    const properties = [...this.vocabulary.productFields, ...(this.vocabulary.events.find((event) => event.name === node.event)?.properties ?? [])];
    const lines = node.where.map((line, index) => this.whereLine(node, line, index, properties));
    const add = () => { node.where.push({ field: properties[1]?.path ?? "", op: "eq", value: null }); this.redraw(node); };
    const button = h("button", { type: "button", class: "at-link", onclick: add }, icon("filter_alt"), "only where …");
    return h("div", { class: "at-where" }, ...lines, this.readonly ? null : button);
  }

  whereLine(node, line, index, properties) {
    const { h, select, iconButton } = Attune;
    const spec = properties.find((each) => each.path === line.field) ?? { path: line.field, type: "text", label: line.field };
    const options = properties.map((each) => [each.path, each.label]);
    if (!properties.includes(spec)) options.unshift([spec.path, spec.label]);
    options.push(["…", "another property …"]);
    const choose = (path) => {
      const name = path === "…" ? window.prompt("Name of the event's property") : path;
      if (name) Object.assign(line, { field: name, op: "eq", value: null });
      this.redraw(node);
    };
    return h(
      "div",
      { class: "at-where-line" },
      h("span", { class: "at-unit" }, index ? "and" : "where"),
      select(options, line.field, choose, { "aria-label": "Property of the event" }),
      ...this.comparison(line, spec, node),
      this.readonly ? null : iconButton("close", "Remove this filter", () => { node.where.splice(index, 1); this.redraw(node); })
    );
  }

  segment(node) {
    const options = this.vocabulary.segments.map((each) => [each.slug, each.name]);
    if (!options.some(([slug]) => slug === node.slug)) options.unshift([node.slug, `${node.slug} (unknown)`]);
    return [Attune.h("span", { class: "at-unit" }, "is in the segment"), Attune.select(options, node.slug, (slug) => { node.slug = slug; this.changed(); }, { "aria-label": "Segment", class: "at-input at-subject" })];
  }

  /** A condition the builder has no controls for, such as a sequence, as JSON. */
  raw(node) {
    const { h } = Attune;
    const area = h("textarea", {
      class: "at-input at-code",
      rows: 4,
      spellcheck: "false",
      "aria-label": "Condition as JSON",
      oninput: () => { node.json = Attune.parsed(area, area.value); this.changed(); },
    });
    area.value = JSON.stringify(node.json, null, 1);
    return [h("span", { class: "at-unit" }, "written as JSON"), area];
  }
};
