/* Who would enter and who would leave, if a live segment became what is being edited. */
const { h, icon, number } = Attune;

const told = (estimate) => (estimate.is_exact ? number(estimate.count) : `about ${number(estimate.count)} (${number(estimate.low)}–${number(estimate.high)})`);

export class ChangesPanel {
  constructor({ url, segment }) {
    Object.assign(this, { url, segment });
    this.text = h("div", { class: "at-changes" });
    this.element = h("section", { class: "at-panel", hidden: true, "aria-label": "Against the live version" }, h("div", { class: "at-panel-head" }, h("h3", {}, "Against the live version")), this.text);
    this.ask = Attune.newest((signal, tree) => Attune.post(this.url, { tree, segment: this.segment }, signal));
  }

  async refresh(tree) {
    if (!this.segment) return;
    this.text.classList.add("at-waiting");
    const answer = await this.ask(tree).catch(() => null);
    if (answer) this.show(answer);
  }

  show({ entering, leaving }) {
    this.text.classList.remove("at-waiting");
    this.element.hidden = entering === null;
    if (entering === null) return;
    const part = (name, estimate, words, tone) =>
      h("span", { class: estimate.count ? `at-change ${tone}` : "at-change" }, icon(name), h("b", {}, told(estimate)), words);
    this.text.replaceChildren(
      ...(entering.count || leaving.count
        ? [part("login", entering, " would enter", "at-enter"), part("logout", leaving, " would leave", "at-leave")]
        : [h("span", { class: "at-change" }, icon("drag_handle"), "Nobody would enter or leave.")])
    );
  }
}
