/* The rows: a property, a segment, and what the builder has no controls for. */
import { eventRow } from "./event.js";
import { notChip, purposeNote, subject } from "./parts.js";
import { pickerButton } from "./picker.js";
import { sequenceRow } from "./sequence.js";
import { BARE, carried, valueControl } from "./values.js";
import { upper } from "./vocabulary.js";

const { h, select } = Attune;

/** Operator and value of anything that compares. `about` names whose values are suggested. */
export const comparison = (ui, node, spec, about, key = node) => {
  const operators = ui.vocabulary.operatorsOf(spec.type);
  const known = operators.includes(node.op) ? operators : [node.op, ...operators];
  const choose = (op) => {
    node.value = carried(node.value, op, spec.type);
    node.op = op;
    ui.redraw(key, BARE.includes(op) ? "op" : "value");
  };
  const options = grouped(known, spec.type).map(([label, ops]) => [label, ops.map((op) => [op, ui.vocabulary.labelOf(op)])]);
  const control = valueControl({
    spec,
    op: node.op,
    value: node.value,
    readonly: ui.readonly,
    load: (term) => ui.vocabulary.values(about, term),
    onchange: (value) => { node.value = value; ui.edited(`${node.id}.value`); },
  });
  return [select(options, node.op, choose, { "aria-label": "Comparison", "data-part": "op" }), control];
};

const grouped = (operators, type) => {
  const known = operators.filter((op) => ["is_set", "is_not_set"].includes(op));
  const relative = type === "date" ? operators.filter((op) => op.endsWith("within_last")) : [];
  const rest = operators.filter((op) => !known.includes(op) && !relative.includes(op));
  return [["Counted from today", relative], [type === "date" ? "A fixed date" : "Compare", rest], ["Whether it is there", known]].filter(([, ops]) => ops.length);
};

const fieldRow = (ui, node) => {
  const spec = ui.vocabulary.spec(node.field);
  const text = spec.isUnknown ? `${node.field} (unknown)` : upper(spec.label);
  const about = { field: node.field };
  return [
    notChip(ui, node),
    subject(ui, node, { text, iconName: ui.vocabulary.iconOf(spec.type), selected: `field:${node.field}`, isUnknown: spec.isUnknown }),
    ...comparison(ui, node, spec, about),
    purposeNote(ui, spec.purpose),
  ];
};

const segmentRow = (ui, node) => {
  const known = ui.vocabulary.segments.get(node.slug);
  const turn = (value) => { node.nots = value === "not" ? 1 : 0; ui.redraw(node, "op"); };
  return [
    select([["in", "is in"], ["not", "is not in"]], node.nots % 2 ? "not" : "in", turn, { "aria-label": "In the segment or not", "data-part": "op" }),
    subject(ui, node, { text: known ? known.name : `${node.slug} (unknown)`, iconName: "groups", selected: `segment:${node.slug}`, isUnknown: !known }),
  ];
};

/** A condition the builder has no controls for, as JSON. */
const rawRow = (ui, node) => {
  const note = h("p", { class: "at-hint", role: "status" });
  const area = h("textarea", { class: "at-input at-code", rows: 4, spellcheck: "false", "aria-label": "Condition as JSON", "data-part": "value" });
  area.value = JSON.stringify(node.json, null, 2);
  area.addEventListener("input", () => {
    try {
      node.json = JSON.parse(area.value);
      note.textContent = "";
      ui.edited(`${node.id}.json`);
    } catch (error) {
      note.textContent = `Not read yet: ${error.message}`;
    }
  });
  return [notChip(ui, node), h("span", { class: "at-unit" }, "as JSON"), area, note];
};

/** A property of an event, inside its `where`. */
const whereRow = (ui, node, eventName) => {
  const spec = ui.vocabulary.property(eventName, node.field);
  const pick = (path) => {
    const other = ui.vocabulary.property(eventName, path);
    ui.replace(node, ui.vocabulary.startField(path, other.type));
  };
  return [
    notChip(ui, node),
    pickerButton({
      text: upper(spec.label),
      iconName: ui.vocabulary.iconOf(spec.type),
      selected: node.field,
      name: "Property of the event",
      disabled: ui.readonly,
      groups: ui.vocabulary.propertyEntries(eventName),
      create: (typed) => ({ key: typed, label: typed, icon: "add", hint: "a property by this name" }),
      onpick: pick,
    }),
    ...comparison(ui, node, spec, { event: eventName, property: node.field }),
  ];
};

/** The controls of a condition, by its kind. */
export const rowBody = (ui, node, eventName) => {
  if (node.kind === "field") return eventName === undefined ? fieldRow(ui, node) : whereRow(ui, node, eventName);
  return { segment: segmentRow, event: eventRow, sequence: sequenceRow, raw: rawRow }[node.kind](ui, node);
};
