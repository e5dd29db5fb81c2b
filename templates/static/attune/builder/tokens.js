/* Several values as chips: typed, pasted or taken from what occurs. */
import { suggestInput } from "./suggest.js";

const { h, icon } = Attune;

/** `values` is a list of texts or numbers; `onchange` hears the whole new list, or undefined. */
export const tokensControl = ({ values, isNumber, label, load, onchange, readonly }) => {
  let list = Array.isArray(values) ? [...values] : [];
  const host = h("div", { class: "at-tokens", role: "group", "aria-label": label });

  const told = () => onchange(list.length ? [...list] : undefined);
  const read = (text) => {
    const parts = text.split(/[,;\n\t]/).map((part) => part.trim()).filter(Boolean);
    const wanted = isNumber ? parts.map(Number).filter((part) => !Number.isNaN(part)) : parts;
    return wanted.filter((part) => !list.includes(part));
  };
  const add = (text) => {
    const more = read(String(text));
    list.push(...more.filter((part, index) => more.indexOf(part) === index));
    if (more.length) told();
    draw(true);
  };
  const remove = (index, isFocused) => {
    list.splice(index, 1);
    told();
    draw(isFocused);
  };

  const chip = (value, index) =>
    h(
      "span",
      { class: "at-token" },
      String(value),
      readonly ? null : h("button", { type: "button", "aria-label": `Remove ${value}`, onclick: () => remove(index, true) }, icon("close"))
    );

  const input = () => {
    const unused = async (term) => (await load(term)).filter((entry) => !list.includes(entry.value));
    const made = suggestInput({ value: "", label, load: unused, onchange: () => {}, onpick: add, placeholder: list.length ? "" : "type or choose" });
    made.classList.add("at-token-input");
    made.addEventListener("keydown", (event) => {
      if ((event.key === "Enter" || event.key === ",") && made.value.trim()) { event.preventDefault(); add(made.value); }
      else if (event.key === "Enter") event.preventDefault();
      else if (event.key === "Backspace" && !made.value && list.length) { event.preventDefault(); remove(list.length - 1, true); }
    });
    made.addEventListener("paste", (event) => {
      const text = event.clipboardData?.getData("text") ?? "";
      if (/[,;\n\t]/.test(text)) { event.preventDefault(); add(text); }
    });
    // What is typed counts, also for who goes on without Enter.
    made.addEventListener("blur", () => { if (made.value.trim() && made.isConnected) { const more = read(made.value); list.push(...more); if (more.length) told(); draw(false); } });
    return made;
  };

  const draw = (isFocused) => {
    host.replaceChildren(...list.map(chip), ...(readonly ? [] : [input()]));
    if (isFocused) host.querySelector("input")?.focus();
  };
  host.addEventListener("click", (event) => { if (event.target === host) host.querySelector("input")?.focus(); });
  draw(false);
  return host;
};
