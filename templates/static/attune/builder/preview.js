/* The sentence of a condition and how many it holds for: an estimate at once, then the exact number. */

const { h, number, people } = Attune;
const PAUSE_MILLISECONDS = 250;

export class ConditionPreview {
  /** `url` answers sentence, estimate and problems; `exactUrl`, if there, the exact number. */
  constructor({ url, exactUrl, onanswer }) {
    Object.assign(this, { url, exactUrl, onanswer });
    this.sentence = h("p", { class: "at-sentence" });
    this.count = h("span", { class: "at-reach" });
    this.live = h("span", { class: "at-unseen", "aria-live": "polite" });
    this.element = h("div", { class: "at-counted" }, this.count, this.live);
    this.ask = Attune.newest((signal, tree) => Attune.post(this.url, { tree }, signal));
    this.askExact = Attune.newest((signal, tree) => Attune.post(this.exactUrl, { tree }, signal));
    this.askLater = Attune.later((tree) => this.refresh(tree), PAUSE_MILLISECONDS);
  }

  async refresh(tree) {
    this.count.classList.add("at-waiting");
    let answer = null;
    try {
      answer = await this.ask(tree);
    } catch (error) {
      this.count.classList.remove("at-waiting");
      this.count.textContent = `Not counted: ${error.message}`;
      return;
    }
    if (!answer) return;
    this.show(answer);
    if (this.exactUrl && answer.count !== null && !answer.is_exact) this.refine(tree, answer);
  }

  async refine(tree, estimate) {
    const answer = await this.askExact(tree).catch(() => null);
    if (answer && answer.count !== null) this.showCount({ ...estimate, ...answer, is_exact: true });
  }

  show(answer) {
    this.sentence.textContent = answer.sentence || "Not a condition yet.";
    this.sentence.classList.toggle("at-unfinished", answer.problems.length > 0);
    this.showCount(answer);
    this.onanswer?.(answer);
  }

  showCount(answer) {
    this.count.classList.remove("at-waiting");
    this.count.replaceChildren(...this.counted(answer));
    this.count.classList.toggle("at-nobody", answer.count === 0);
    this.live.textContent = this.count.textContent;
  }

  counted(answer) {
    if (answer.problems?.length) return ["not finished"];
    if (answer.count === null) return ["takes long to count"];
    const percent = answer.total ? (100 * answer.count) / answer.total : 0;
    const share = `${percent > 0 && percent < 1 ? percent.toFixed(1) : Math.round(percent)} %`;
    const bar = h("i", { class: "at-meter at-meter-wide", "aria-hidden": "true" });
    bar.style.setProperty("--share", `${percent}%`);
    if (answer.is_exact === false) {
      const range = h("span", { class: "at-range" }, `${number(answer.low)}–${number(answer.high)}`);
      return [h("strong", {}, `about ${people(answer.count)}`), ` of ${number(answer.total)} (${share}), `, range, bar];
    }
    return [h("strong", {}, people(answer.count)), ` of ${number(answer.total)} (${share})`, bar];
  }
}
