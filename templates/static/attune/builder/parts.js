/* What rows of several kinds are put together from. */
import { pickerButton } from "./picker.js";

const { h, icon } = Attune;

/** What a condition sees only with consent says so, small. */
export const purposeNote = (ui, code) => {
  const name = ui.vocabulary.purpose(code);
  const title = `Only for customers who agreed to “${name}”; for everybody else this is not known.`;
  return name ? h("span", { class: "at-purpose", title }, icon("verified_user"), h("span", { class: "at-unseen" }, "Needs consent: "), name) : null;
};

export const notChip = (ui, node, text = "not") =>
  node.nots % 2
    ? h("button", { type: "button", class: "at-not", title: "Take the “not” away", "aria-label": `${text}: take it away`, onclick: () => { node.nots = 0; ui.redraw(node); } }, text)
    : null;

/** The button that says what a condition is about; choosing something else starts it anew. */
export const subject = (ui, node, { text, iconName, selected, isUnknown }) =>
  pickerButton({
    text,
    iconName,
    isUnknown,
    selected,
    name: "Condition about",
    disabled: ui.readonly,
    groups: ui.vocabulary.subjects(),
    onpick: (key) => ui.choose(node, key),
  });
