/* A row about one thing after another: steps that happened, or did not happen for a while. */
import { eventPicker, whereBox } from "./event.js";
import { step } from "./model.js";
import { durationControl } from "./values.js";

const { h, icon, iconButton, select } = Attune;
const MAX_STEPS = 10;

export const sequenceRow = (ui, node) => {
  const turn = (value) => { node.nots = value === "not" ? 1 : 0; ui.redraw(node, "turn"); };
  const add = () => {
    const last = node.steps.at(-1);
    const made = step(last?.event ?? "");
    node.steps.push(made);
    ui.redraw(made, "subject");
  };
  const button = h("button", { type: "button", class: "at-link", onclick: add, disabled: node.steps.length >= MAX_STEPS }, icon("add"), "Then …");
  return [
    select([["has", "has done, in this order"], ["not", "has not done, in this order"]], node.nots % 2 ? "not" : "has", turn, { "aria-label": "Has or has not", "data-part": "turn" }),
    windowControl(ui, node),
    h("ol", { class: "at-steps" }, node.steps.map((each, index) => stepLine(ui, node, each, index))),
    ui.readonly ? null : button,
  ];
};

const windowControl = (ui, node) => {
  const choose = (value) => { node.within = value === "within" ? { days: 30 } : null; ui.redraw(node, "window"); };
  const toggle = select([["ever", "at any time"], ["within", "all in the last"]], node.within ? "within" : "ever", choose, { "aria-label": "Time", "data-part": "window" });
  if (!node.within) return toggle;
  return h("span", { class: "at-inline" }, toggle, durationControl(node.within, (value) => { node.within = value; ui.edited(`${node.id}.within`); }, "how long back"));
};

const stepLine = (ui, node, each, index) => {
  const body = h("div", { class: "at-step-body" }, ...stepControls(ui, each, index), whereBox(ui, each));
  const tools = ui.readonly ? null : stepTools(ui, node, each, index);
  return ui.shown(each, h("li", { class: "at-step", "data-id": each.id }, h("span", { class: "at-step-number", "aria-hidden": "true" }, String(index + 1)), body, tools));
};

const stepControls = (ui, each, index) => {
  const pick = (name) => { each.event = name; each.where = null; ui.redraw(each, "subject"); };
  const picker = eventPicker(ui, each, pick);
  if (index === 0 && !each.isAbsent) return [h("span", { class: "at-unit" }, "first"), picker, each.span ? stepSpan(ui, each) : null];
  const turn = (value) => {
    each.isAbsent = value === "not";
    each.span = each.isAbsent ? each.span ?? { hours: 24 } : null;
    ui.redraw(each, "turn");
  };
  const which = select([["then", "then"], ["not", "then not"]], each.isAbsent ? "not" : "then", turn, { "aria-label": "Then or then not", "data-part": "turn" });
  return [which, picker, ...(each.isAbsent ? [h("span", { class: "at-unit" }, "for"), span(ui, each)] : [stepSpan(ui, each)])];
};

const span = (ui, each) => durationControl(each.span, (value) => { each.span = value; ui.edited(`${each.id}.span`); }, "how long after");

const stepSpan = (ui, each) => {
  const choose = (value) => { each.span = value === "within" ? { days: 7 } : null; ui.redraw(each, "window"); };
  const toggle = select([["ever", "at any time after"], ["within", "within"]], each.span ? "within" : "ever", choose, { "aria-label": "How soon after the step before", "data-part": "window" });
  return each.span ? h("span", { class: "at-inline" }, toggle, span(ui, each)) : toggle;
};

const stepTools = (ui, node, each, index) => {
  const move = (by) => () => ui.step(each, by);
  return h(
    "span",
    { class: "at-row-tools" },
    iconButton("arrow_upward", `Step ${index + 1}: earlier`, move(-1), { disabled: index === 0 }),
    iconButton("arrow_downward", `Step ${index + 1}: later`, move(1), { disabled: index === node.steps.length - 1 }),
    iconButton("close", `Remove step ${index + 1}`, () => ui.remove(each), { disabled: node.steps.length <= 2 })
  );
};
