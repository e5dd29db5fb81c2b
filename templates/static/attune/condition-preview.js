/* The sentence of a condition, how many it holds for, and a few of them: asked while one edits. */
"use strict";
Attune.ConditionPreview = class {
  constructor({ url, onanswer, hasSample = false }) {
    const { h } = Attune;
    Object.assign(this, { url, onanswer, hasSample });
    this.sentence = h("p", { class: "at-sentence", "aria-live": "polite" });
    this.count = h("span", { class: "at-reach" });
    this.sample = h("ul", { class: "at-sample" });
    this.ask = Attune.newest((signal, tree) => Attune.post(this.url, { tree }, signal));
    this.askLater = Attune.later((tree) => this.refresh(tree), 350);
  }

  /** Say what is known from the page itself, before the first question. */
  async refresh(tree) {
    this.count.classList.add("at-waiting");
    let answer = null;
    try {
      answer = await this.ask(tree);
    } catch (error) {
      this.count.classList.remove("at-waiting");
      this.count.textContent = "Not counted: " + error.message;
      return;
    }
    if (answer) this.show(answer);
  }

  show(answer) {
    this.count.classList.remove("at-waiting");
    this.sentence.textContent = answer.sentence || "Not a condition yet.";
    this.sentence.classList.toggle("at-unfinished", answer.problems.length > 0);
    this.count.replaceChildren(...this.counted(answer));
    this.count.classList.toggle("at-nobody", answer.count === 0);
    if (this.hasSample) this.showSample(answer);
    this.onanswer?.(answer);
  }

  counted(answer) {
    const { h, people, number } = Attune;
    if (answer.problems.length) return ["not finished"];
    if (answer.count === null) return ["takes long to count"];
    const percent = answer.total ? Math.round((100 * answer.count) / answer.total) : 0;
    const bar = h("progress", { max: Math.max(answer.total, 1), "aria-hidden": "true" });
    bar.value = answer.count;
    return [h("strong", {}, people(answer.count)), ` of ${number(answer.total)} (${percent} %)`, bar];
  }

  showSample(answer) {
    const { h, icon } = Attune;
    const people = answer.sample.map((each) => h("li", {}, h("a", { href: each.url }, icon("person"), each.title)));
    this.sample.replaceChildren(...people);
  }
};
