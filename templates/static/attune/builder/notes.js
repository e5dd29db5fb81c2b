/* What is known of each condition, written at it: faults, numbers, how it came out for somebody. */
const { h, icon, number } = Attune;

const NEEDS = /needs a value$/;
const OUTCOMES = {
  true: { icon: "check_circle", word: "holds" },
  false: { icon: "cancel", word: "does not hold" },
  absent: { icon: "do_not_disturb_on", word: "not known" },
};

/** Numbers and outcomes belong to the tree they were asked for; a changed one has none yet. */
export const clearNotes = (canvas) => {
  canvas.querySelectorAll(".at-sub").forEach((each) => each.classList.add("at-waiting"));
  canvas.querySelectorAll(".at-trace").forEach((each) => each.remove());
  canvas.querySelectorAll("[data-outcome]").forEach((each) => delete each.dataset.outcome);
};

export const noteProblems = (builder, problems) => {
  builder.canvas.querySelectorAll(".at-row-problem").forEach((each) => each.remove());
  builder.canvas.querySelectorAll(".at-faulty").forEach((each) => each.classList.remove("at-faulty"));
  for (const problem of problems) {
    const node = builder.model.at(problem.path ?? "");
    const element = (node && builder.elements.get(node.id)) ?? builder.canvas.firstChild;
    // What is still to be filled in is no fault.
    const isTodo = NEEDS.test(problem.message);
    if (!isTodo) element.classList.add("at-faulty");
    element.append(
      h(
        "p",
        { class: `at-row-problem${isTodo ? " at-todo" : ""}`, role: "alert" },
        icon(isTodo ? "edit" : "error"),
        h("span", {}, isTodo ? "Fill in a value." : problem.message),
        !isTodo && problem.path ? h("code", { title: "Where this stands in the JSON" }, problem.path) : null
      )
    );
  }
};

export const about = (estimate) => (estimate.is_exact ? number(estimate.value) : `≈ ${number(estimate.value)}`);

export const noteCounts = (builder, parts, total) => {
  for (const [id, element] of builder.elements) {
    const node = builder.model.place(id)?.node;
    const slot = element.querySelector(":scope > .at-sub, :scope > .at-group-head > .at-sub");
    const estimate = node && parts[node.path];
    if (!slot) continue;
    slot.classList.remove("at-waiting");
    slot.replaceChildren(...(estimate ? [partCount(estimate, total)] : []));
  }
};

const partCount = (estimate, total) => {
  const share = total ? Math.min(100, (100 * estimate.value) / total) : 0;
  const bar = h("i", { class: "at-meter", "aria-hidden": "true" });
  bar.style.setProperty("--share", `${share}%`);
  const range = estimate.is_exact ? "" : `, between ${number(estimate.low)} and ${number(estimate.high)}`;
  const title = `By itself this holds for ${about(estimate)} customers (${share.toFixed(share < 10 ? 1 : 0)} %)${range}`;
  return h("span", { class: "at-part", title }, bar, h("span", { class: "at-unseen" }, "Holds for "), about(estimate), h("span", { class: "at-unseen" }, " customers by itself"));
};

export const noteTrace = (builder, trace) => {
  builder.canvas.querySelectorAll(".at-trace").forEach((each) => each.remove());
  for (const [id, element] of builder.elements) {
    delete element.dataset.outcome;
    const node = builder.model.place(id)?.node;
    const found = trace && node && !node.isLone && trace[node.path];
    if (!found) continue;
    element.dataset.outcome = found.outcome;
    const spot = element.matches(".at-group") ? element.querySelector(":scope > .at-group-head") : element;
    spot.append(traceNote(found));
  }
};

const traceNote = (found) => {
  const { icon: name, word } = OUTCOMES[found.outcome];
  const seen = [found.seen && `seen: ${found.seen}`, found.age].filter(Boolean).join(", ");
  return h("span", { class: `at-trace at-trace-${found.outcome}` }, icon(name), h("b", {}, word), seen ? h("span", {}, seen) : null);
};
