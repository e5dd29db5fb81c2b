/* Findings and counts at the rules, asked of the server while one edits. */
"use strict";
Attune.RuleCheck = class {
  constructor(editor) {
    const { h } = Attune;
    this.editor = editor;
    this.summary = h("p", { class: "at-check-summary", role: "status" });
    this.fallback = h("span", { class: "at-decides" });
    this.fallbackRemarks = h("ul", { class: "at-remarks" });
    this.ask = Attune.newest((signal, content) => Attune.post(editor.config.checkUrl, { content }, signal));
    this.askLater = Attune.later(() => this.run(), 500);
  }

  async run() {
    this.summary.classList.add("at-waiting");
    let answer = null;
    try {
      answer = await this.ask(this.editor.content);
    } catch (error) {
      this.summary.classList.remove("at-waiting");
      this.summary.replaceChildren(Attune.icon("cloud_off"), `Not checked: ${error.message}`);
      return;
    }
    if (answer) this.show(answer);
  }

  show(answer) {
    this.summary.classList.remove("at-waiting");
    const remarks = [...answer.problems.map((problem) => this.unfinished(problem)), ...answer.remarks];
    for (const { rule, card } of this.editor.rules) {
      const mine = remarks.filter((each) => each.keys[0] === rule.key);
      this.write(card.remarks, mine);
      card.element.classList.toggle("at-wrong", mine.some((each) => each.isFault));
      this.count(card.decides, answer.reach?.rules[rule.key], answer.reach);
    }
    this.write(this.fallbackRemarks, remarks.filter((each) => !each.keys.length));
    this.count(this.fallback, answer.reach?.fallback, answer.reach);
    this.summarise(remarks);
  }

  /** A fault of form as a remark at its rule; without a rule it is about the last line. */
  unfinished(problem) {
    const match = /^rules\[(\d+)\]\.?(.*)$/.exec(problem.path);
    const key = match && this.editor.rules[Number(match[1])]?.rule.key;
    return { kind: "unfinished", keys: key ? [key] : [], text: problem.message, mend: "", example: [], isFault: true };
  }

  count(place, found, reach) {
    const { h, people, number } = Attune;
    place.title = "";
    if (!reach) return place.replaceChildren();
    if (!found) return place.replaceChildren("not active now");
    const isCollect = this.editor.content.hit_policy === "collect";
    const about = found.isExact ? "" : "about ";
    const words = place === this.fallback ? "left for this line: " : isCollect ? "shown to " : "decides for ";
    if (!found.isExact) place.title = `Estimated: between ${number(found.low)} and ${number(found.high)}`;
    const percent = found.total ? Math.round((100 * found.value) / found.total) : 0;
    return place.replaceChildren(Attune.icon("call_split"), words, h("strong", {}, about + people(found.value)), ` (${percent} %)`);
  }

  write(list, remarks) {
    const { h, icon } = Attune;
    const shown = remarks.map((each) =>
      h("li", { class: `at-remark ${each.isFault ? "is-fault" : "is-note"}`, "data-kind": each.kind },
        icon(each.isFault ? "error" : "info"),
        h("span", {}, each.text, each.example.length ? h("em", {}, ` For example: ${each.example.join(", ")}.`) : null, each.mend ? h("small", {}, each.mend) : null))
    );
    list.replaceChildren(...shown);
    this.fold(list);
  }

  /** Of many notes the first two are shown: rules that overlap with everything say so at length. */
  fold(list) {
    const { h } = Attune;
    const more = [...list.querySelectorAll(".is-note")].slice(2);
    if (more.length < 2) return;
    more.forEach((each) => { each.hidden = true; });
    const button = h("button", { type: "button", class: "at-link", onclick: () => { more.forEach((each) => { each.hidden = false; }); button.parentNode.remove(); } }, `${more.length} more notes`);
    list.append(h("li", {}, button));
  }

  summarise(remarks) {
    const { icon } = Attune;
    const faults = remarks.filter((each) => each.isFault).length;
    const notes = remarks.length - faults;
    const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
    const words = [faults ? many(faults, "fault") : null, notes ? many(notes, "note") : null].filter(Boolean).join(", ");
    this.summary.classList.toggle("is-fault", faults > 0);
    this.summary.replaceChildren(icon(faults ? "error" : "task_alt"), words ? `Checked: ${words}, shown at the rules.` : "Checked: every rule can decide, and nobody is forgotten.");
  }
};
