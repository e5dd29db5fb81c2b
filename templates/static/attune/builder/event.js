/* A row about what somebody did: which event, how often or how much, when, and only where. */
import { group } from "./model.js";
import { purposeNote, subject } from "./parts.js";
import { pickerButton } from "./picker.js";
import { carried, durationControl, valueControl } from "./values.js";

const { h, icon, select } = Attune;
const NUMBERS = { gte: "at least", lte: "at most", eq: "exactly", gt: "more than", lt: "fewer than", between: "between", ne: "not exactly" };
const DATES = ["within_last", "not_within_last", "before", "after", "gte", "lte", "gt", "lt", "between"];
const MEASURES = [
  ["once", "at least once"],
  ["count", "this many times:"],
  ["sum", "adding up to"],
  ["avg", "on average"],
  ["first", "for the first time"],
  ["last", "for the last time"],
];

export const eventRow = (ui, node) => {
  const known = ui.vocabulary.events.get(node.event);
  const turn = (value) => { node.nots = value === "not" ? 1 : 0; ui.redraw(node, "turn"); };
  return [
    select([["has", "has"], ["not", "has not"]], node.nots % 2 ? "not" : "has", turn, { "aria-label": "Has or has not", "data-part": "turn" }),
    subject(ui, node, { text: known ? node.event : `${node.event} (unknown)`, iconName: "bolt", selected: `event:${node.event}`, isUnknown: !known }),
    ...measure(ui, node),
    windowControl(ui, node),
    purposeNote(ui, known?.purpose),
    whereBox(ui, node),
  ];
};

const measure = (ui, node) => {
  const choose = (kind) => {
    const isAmount = kind === "sum" || kind === "avg";
    if (kind === "once") node.measure = null;
    else if (kind === "count") node.measure = { kind, op: "gte", value: 2 };
    else if (isAmount) node.measure = { kind, property: node.measure?.property ?? "total", op: "gte", value: 100 };
    else node.measure = { kind, op: "within_last", value: { days: 30 } };
    if (kind === "first" || kind === "last") node.within = null;
    ui.redraw(node, "measure");
  };
  const kind = node.measure?.kind ?? "once";
  const control = select(MEASURES, kind, choose, { "aria-label": "How often or how much", "data-part": "measure" });
  if (!node.measure) return [control];
  return [control, ...(kind === "first" || kind === "last" ? moment(ui, node) : amount(ui, node))];
};

const amount = (ui, node) => {
  const { measure: compare } = node;
  const isCount = compare.kind === "count";
  const operators = Object.entries(NUMBERS);
  if (!NUMBERS[compare.op]) operators.unshift([compare.op, compare.op]);
  const choose = (op) => { Object.assign(compare, { value: carried(compare.value, op, "number"), op }); ui.redraw(node, "value"); };
  return [
    isCount ? null : property(ui, node),
    select(operators, compare.op, choose, { "aria-label": "Comparison", "data-part": "op" }),
    valueControl({ spec: { type: "number" }, op: compare.op, value: compare.value, onchange: (value) => { compare.value = value; ui.edited(`${node.id}.measure`); } }),
    isCount ? h("span", { class: "at-unit" }, compare.value === 1 ? "time" : "times") : null,
  ];
};

const property = (ui, node) => {
  const options = ui.vocabulary.amounts(node.event);
  const { property: name } = node.measure;
  if (!options.some(([key]) => key === name)) options.push([name, name]);
  return select(options, name, (chosen) => { node.measure.property = chosen; ui.edited(`${node.id}.property`); }, { "aria-label": "Of which figure", "data-part": "property" });
};

const moment = (ui, node) => {
  const { measure: compare } = node;
  const operators = (DATES.includes(compare.op) ? DATES : [compare.op, ...DATES]).map((op) => [op, momentLabel(ui, op)]);
  const choose = (op) => { Object.assign(compare, { value: carried(compare.value, op, "date"), op }); ui.redraw(node, "value"); };
  return [
    select(operators, compare.op, choose, { "aria-label": "Comparison", "data-part": "op" }),
    valueControl({ spec: { type: "date" }, op: compare.op, value: compare.value, onchange: (value) => { compare.value = value; ui.edited(`${node.id}.measure`); } }),
  ];
};

const momentLabel = (ui, op) => ({ within_last: "in the last", not_within_last: "longer ago than", gte: "on or after", lte: "on or before", gt: "later than", lt: "earlier than" })[op] ?? ui.vocabulary.labelOf(op).replace(/^is /, "");

const windowControl = (ui, node) => {
  const choose = (value) => { node.within = value === "within" ? { days: 30 } : null; ui.redraw(node, "window"); };
  const looked = node.measure?.kind === "first" || node.measure?.kind === "last" ? "of all time" : "at any time";
  const toggle = select([["ever", looked], ["within", "in the last"]], node.within ? "within" : "ever", choose, { "aria-label": "Time", "data-part": "window" });
  if (!node.within) return toggle;
  return h("span", { class: "at-inline" }, toggle, durationControl(node.within, (value) => { node.within = value; ui.edited(`${node.id}.within`); }, "how long back"));
};

/** The event of a step: no measure, but the same `where`. */
export const eventPicker = (ui, match, onpick) => {
  const known = ui.vocabulary.events.has(match.event);
  return pickerButton({ text: known ? match.event : `${match.event} (unknown)`, iconName: "bolt", isUnknown: !known, selected: match.event, name: "Event", disabled: ui.readonly, groups: ui.vocabulary.eventEntries(), onpick });
};

/** Only events for which all or any of these hold; and, for mails, whether machines count. */
export const whereBox = (ui, match) => {
  const isMail = match.event.startsWith("Email ") || match.machines !== undefined;
  const open = () => {
    const [first] = ui.vocabulary.propertyEntries(match.event)[0]?.entries ?? [];
    match.where ??= Object.assign(group("all"), { isNew: true, isLone: true });
    const started = ui.vocabulary.startField(first?.key ?? "total", ui.vocabulary.property(match.event, first?.key ?? "total").type);
    match.where.children.push(started);
    ui.redraw(started, "subject");
  };
  const machines = (event) => { match.machines = event.target.checked ? true : undefined; ui.edited(`${match.id}.machines`); };
  const hasWhere = match.where && (match.where.children.length || !match.where.isNew);
  const add = h("button", { type: "button", class: "at-link at-add-where", onclick: open, "data-part": "where" }, icon("filter_alt"), "only where …");
  const checkbox = h("label", { class: "at-check" }, h("input", { type: "checkbox", checked: match.machines === true, onchange: machines, disabled: ui.readonly }), "count opens and clicks by machines, too");
  if (!hasWhere && !isMail && ui.readonly) return null;
  return h("div", { class: "at-where" }, hasWhere ? ui.group(match.where, { eventName: match.event }) : ui.readonly ? null : add, isMail ? checkbox : null);
};
