/* The control for a value, by the type of the field and the operator. Drawing changes nothing. */
import { UNITS } from "./model.js";
import { suggestInput } from "./suggest.js";
import { tokensControl } from "./tokens.js";

const { h, select } = Attune;
const LISTED = ["in", "not_in", "includes_any", "includes_all"];
export const LENGTHS = ["within_last", "not_within_last", "anniversary_within_next"];
export const BARE = ["is_set", "is_not_set"];

const nothing = async () => [];
const asNumber = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? undefined : Number(text));
const asText = (text) => (text === "" ? undefined : text);

const input = (type, value, label, onchange, extra = {}) =>
  h("input", { class: "at-input", type, value: value ?? "", "aria-label": label, "data-part": "value", oninput: (event) => onchange(event.target.value), ...extra });

export const numberInput = (value, label, onchange, extra = {}) =>
  input(typeof value === "string" ? "text" : "number", value, label, (text) => onchange(asNumber(text)), { step: "any", inputmode: "decimal", ...extra, class: "at-input at-number" });

/** A length of time; one with several units shows a pair of controls for each. */
export const durationControl = (value, onchange, label = "how long") => {
  const pairs = Object.entries(value ?? {}).map(([unit, amount]) => ({ unit, amount }));
  const told = () => onchange(Object.fromEntries(pairs.map(({ unit, amount }) => [unit, amount ?? 0])));
  const units = (pair) => UNITS.filter((unit) => unit === pair.unit || !pairs.some((each) => each.unit === unit));
  return h(
    "span",
    { class: "at-inline" },
    ...pairs.flatMap((pair) => [
      numberInput(pair.amount, label, (amount) => { pair.amount = amount; told(); }, { min: 1, step: 1, inputmode: "numeric" }),
      select(units(pair).map((unit) => [unit, unit]), pair.unit, (unit) => { pair.unit = unit; told(); }, { "aria-label": "unit of time" }),
    ])
  );
};

const isDay = (value) => value === undefined || /^\d{4}-\d\d-\d\d$/.test(value);

const dateInput = (value, label, onchange) =>
  // A time of day that was set elsewhere stays as it is written.
  input(isDay(value) ? "date" : "text", value, label, (text) => onchange(asText(text)));

const between = (value, type, onchange) => {
  const pair = Array.isArray(value) ? [...value] : [undefined, undefined];
  const control = (index, label) => {
    const set = (each) => { pair[index] = each; onchange(pair.every((part) => part === undefined) ? undefined : pair.map((part) => part ?? null)); };
    const current = pair[index] ?? undefined;
    return type === "date" ? dateInput(current, label, set) : numberInput(current, label, set);
  };
  return h("span", { class: "at-inline" }, control(0, "from"), h("span", { class: "at-unit" }, "and"), control(1, "to"));
};

const yesOrNo = (value, onchange) => {
  const options = [["true", "yes"], ["false", "no"]];
  if (typeof value !== "boolean") options.unshift(["", value === undefined ? "choose …" : String(value)]);
  return select(options, typeof value === "boolean" ? String(value) : "", (text) => onchange(text === "" ? undefined : text === "true"), { "aria-label": "value", "data-part": "value" });
};

const chosen = (choices, value, onchange) => {
  const options = choices.map((each) => [each, each]);
  if (!choices.includes(value)) options.unshift([value ?? "", value === undefined ? "choose …" : `${value} (unknown)`]);
  return select(options, value ?? "", (text) => onchange(asText(text)), { "aria-label": "value", "data-part": "value" });
};

const plain = (spec, value, onchange, load) => {
  if (spec.type === "number") return numberInput(value, "value", onchange);
  if (spec.type === "date") return dateInput(value, "value", onchange);
  if (spec.type === "boolean") return yesOrNo(value, onchange);
  if (spec.choices?.length) return chosen(spec.choices, value, onchange);
  return suggestInput({ value, label: "value", load, onchange: (text) => onchange(asText(String(text))), placeholder: "type or choose" });
};

const withUnit = (spec, control) =>
  spec.unit && spec.unit !== "currency" ? h("span", { class: "at-inline" }, control, h("span", { class: "at-unit" }, spec.unit)) : control;

const isNumeric = (spec, value) => spec.type === "number" || (Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "number"));

/** Return the control, or null where the operator takes no value. */
export const valueControl = ({ spec, op, value, onchange, load = nothing, readonly }) => {
  if (BARE.includes(op)) return null;
  if (LENGTHS.includes(op)) return durationControl(value, onchange);
  if (op === "between") return withUnit(spec, between(value, spec.type, onchange));
  if (LISTED.includes(op) || spec.type === "list" || Array.isArray(value)) {
    const offered = spec.choices?.length ? async () => spec.choices.map((each) => ({ value: each, count: 0 })) : load;
    return tokensControl({ values: Array.isArray(value) ? value : value === undefined ? [] : [value], isNumber: isNumeric(spec, value), label: "values", load: offered, onchange, readonly });
  }
  return withUnit(spec, plain(spec, value, onchange, load));
};

/** Carry a value over to another operator of the same field, as far as it makes sense there. */
export const carried = (value, op, type) => {
  if (BARE.includes(op)) return undefined;
  if (LENGTHS.includes(op)) return value !== null && typeof value === "object" && !Array.isArray(value) ? value : { days: 30 };
  if (value !== null && typeof value === "object" && !Array.isArray(value)) return undefined;
  if (op === "between") return Array.isArray(value) && value.length === 2 ? value : undefined;
  if (LISTED.includes(op)) return value === undefined || Array.isArray(value) ? value : [value];
  if (type === "list") return value;
  return Array.isArray(value) ? value[0] : value;
};
