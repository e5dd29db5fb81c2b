/* The control for a value, by the type of the field and the operator. */
"use strict";
Attune.valueControl = (() => {
  const { h, select } = Attune;
  const { UNITS } = Attune.conditions;
  const unitOptions = UNITS.map((unit) => [unit, unit]);

  const asNumber = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? null : Number(text));

  const input = (type, value, label, onchange, extra = {}) =>
    h("input", {
      class: "at-input",
      type,
      value: value ?? "",
      "aria-label": label,
      oninput: (event) => onchange(event.target.value),
      ...extra,
    });

  const numberInput = (value, label, onchange, extra = {}) =>
    input("number", value, label, (text) => onchange(asNumber(text)), { step: "any", class: "at-input at-number", ...extra });

  /** Texts or numbers, separated by commas; shown as they are typed. */
  const listInput = (value, isNumber, onchange) =>
    input("text", Array.isArray(value) ? value.join(", ") : "", "values, separated by commas", (text) => {
      const parts = text.split(",").map((part) => part.trim()).filter(Boolean);
      onchange(isNumber ? parts.map(Number).filter((part) => !Number.isNaN(part)) : parts);
    }, { placeholder: "DE, FR" });

  const durationInput = (value, onchange) => {
    const [unit, amount] = Object.entries(value ?? {})[0] ?? ["days", 30];
    const state = { unit, amount };
    const changed = () => onchange({ [state.unit]: state.amount });
    if (!value) changed();
    return h(
      "span",
      { class: "at-inline" },
      numberInput(amount, "how many", (count) => { state.amount = count; changed(); }, { min: 1, step: 1 }),
      select(unitOptions, unit, (chosen) => { state.unit = chosen; changed(); }, { "aria-label": "unit of time" })
    );
  };

  const between = (value, type, onchange) => {
    const pair = Array.isArray(value) && value.length === 2 ? [...value] : [null, null];
    const control = (index, label) =>
      type === "date"
        ? input("date", pair[index], label, (text) => { pair[index] = text; onchange([...pair]); })
        : numberInput(pair[index], label, (count) => { pair[index] = count; onchange([...pair]); });
    return h("span", { class: "at-inline" }, control(0, "from"), h("span", {}, "and"), control(1, "to"));
  };

  const date = (value, onchange) => {
    // A time of day that was set elsewhere stays as it is written.
    const isDay = !value || /^\d{4}-\d\d-\d\d$/.test(value);
    return input(isDay ? "date" : "text", value, "date", onchange);
  };

  const choice = (choices, value, onchange) => {
    if (value === null) onchange(choices[0]);
    return select(choices.map((each) => [each, each]), value ?? choices[0], onchange, { "aria-label": "value" });
  };

  const plain = (spec, value, onchange) => {
    if (spec.type === "number") return numberInput(value, "value", onchange);
    if (spec.type === "date") return date(value, onchange);
    if (spec.type === "boolean") {
      if (typeof value !== "boolean") onchange(true);
      return select([["true", "yes"], ["false", "no"]], String(value ?? true), (text) => onchange(text === "true"), { "aria-label": "value" });
    }
    if (spec.choices?.length) return choice(spec.choices, value, onchange);
    return input("text", value, "value", onchange);
  };

  /** Return the control, or nothing where the operator takes no value. */
  return (spec, op, value, onchange) => {
    if (op === "is_set" || op === "is_not_set") return null;
    if (op === "within_last" || op === "not_within_last") return durationInput(value, onchange);
    if (op === "between") return between(value, spec.type, onchange);
    if (["in", "not_in", "includes_any", "includes_all"].includes(op)) return listInput(value, spec.type === "number", onchange);
    if (spec.type === "list") return listInput(value, false, onchange);
    const control = plain(spec, Array.isArray(value) ? null : value, onchange);
    return spec.unit && spec.unit !== "currency"
      ? h("span", { class: "at-inline" }, control, h("span", { class: "at-unit" }, spec.unit))
      : control;
  };
})();
