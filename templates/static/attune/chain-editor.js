/* The chain editor: strategies in order of fallback, and limits that hold in all of them. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const textarea = document.querySelector('[data-at-editor="chain"]');
  if (!textarea) return;
  const { h, icon, iconButton, select } = Attune;
  const config = Attune.config();
  const content = Attune.parsed(textarea, null);
  if (content === null) return; // Broken JSON is mended as JSON.
  const { host, write } = Attune.takeOver(textarea, { readonly: config.readonly });
  const editor = { readonly: config.readonly, save: () => write(content) };
  const strategies = Object.entries(config.strategies);
  const steps = h("ol", { class: "at-chain" });
  const limits = h("div", { class: "at-parameters" });

  /** The fields of a rule's outcome do for a step and for the whole chain as well. */
  const fields = (outcome, options) => {
    const fill = Object.create(Attune.OutcomeEditor.prototype);
    Object.assign(fill, { rule: { outcome }, editor });
    return options.map((option) => fill.parameter(option));
  };

  const move = (index, by) => {
    const [step] = content.steps.splice(index, 1);
    content.steps.splice(index + by, 0, step);
    changed(index + by);
  };

  const tools = (index) => {
    if (config.readonly) return null;
    const last = content.steps.length - 1;
    return h("span", { class: "at-chain-tools" },
      iconButton("arrow_upward", "Earlier", () => move(index, -1), { disabled: index === 0 }),
      iconButton("arrow_downward", "Later", () => move(index, 1), { disabled: index === last }),
      iconButton("delete", "Remove this step", () => { content.steps.splice(index, 1); changed(Math.max(index - 1, 0)); }, { disabled: last === 0 }));
  };

  const row = (step, index) => {
    const own = config.options.own[step.strategy] ?? [];
    const choose = (name) => { content.steps[index] = { strategy: name }; changed(index); };
    const wrong = config.problems.filter((each) => each.path.startsWith(`steps[${index}]`));
    return h("li", { class: wrong.length ? "at-chain-step at-wrong" : "at-chain-step" },
      h("span", { class: "at-chain-place", "aria-hidden": "true" }, String(index + 1)),
      select(strategies, step.strategy, choose, { "aria-label": `Step ${index + 1}`, disabled: config.readonly }),
      tools(index),
      own.length ? h("div", { class: "at-parameters" }, fields(step, own)) : null,
      wrong.map((each) => h("p", { class: "at-problem" }, each.message)));
  };

  const draw = () => {
    steps.replaceChildren(...content.steps.map(row));
    limits.replaceChildren(...fields(content, config.options.common));
  };

  const changed = (index) => {
    config.problems = [];
    editor.save();
    draw();
    Attune.focusInside(steps.children[index]);
  };

  const add = () => { content.steps.push({ strategy: strategies[0][0] }); changed(content.steps.length - 1); };
  const elsewhere = config.problems.filter((each) => !each.path.startsWith("steps["));
  host.append(
    steps,
    config.readonly ? "" : h("button", { type: "button", class: "at-button at-small", onclick: add }, icon("add"), "Add a step"),
    h("p", { class: "at-hint" }, `Whatever places are left: ${config.fallbacks.join(", then ")}. So a list is never empty while anything allowed is there.`),
    h("h2", { class: "at-title" }, "Limits for the whole list"),
    ...elsewhere.map((each) => h("p", { class: "at-problem" }, `${each.path}: ${each.message}`)),
    limits
  );
  draw();
});
