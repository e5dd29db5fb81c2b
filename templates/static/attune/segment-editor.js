/* The segment editor: conditions, their sentence, their size part by part, some members. */
import { ChangesPanel } from "./builder/changes.js";
import { CustomerTest } from "./builder/customer-test.js";
import { PeoplePanel } from "./builder/people.js";

const { h } = Attune;

class SegmentEditor {
  constructor(textarea, tree, config) {
    Object.assign(this, { textarea, config });
    textarea.hidden = true;
    // Each problem is shown again at the condition it is about.
    if (config.problems.length) textarea.parentNode.querySelector(":scope > .at-problems")?.remove();
    const canvas = h("div", { class: "at-builder" });
    this.preview = new Attune.ConditionPreview({ url: config.previewUrl, exactUrl: config.exactUrl, onanswer: (answer) => this.answered(answer) });
    this.people = new PeoplePanel({ url: config.peopleUrl });
    this.changes = new ChangesPanel({ url: config.changesUrl, peopleUrl: config.peopleUrl, segment: config.segment });
    this.test = new CustomerTest({ url: config.traceUrl, tree: () => this.builder.tree, ontrace: (trace) => this.builder.showTrace(trace), title: "Why is somebody in or out?", verdicts: ["is in this segment", "is not in this segment"] });
    this.askParts = Attune.newest((signal, changed) => Attune.post(config.partsUrl, { tree: changed }, signal));
    this.builder = new Attune.ConditionBuilder(canvas, {
      tree,
      vocabulary: config.vocabulary,
      readonly: config.readonly,
      onchange: (changed) => this.changed(changed),
      onbroken: (text) => { textarea.value = text; },
    });
    this.builder.extra.append(this.preview.element);
    textarea.before(h("div", { class: "at-host" }, canvas, this.result()));
    this.builder.show(config.problems.map((each) => ({ ...each, path: each.path.replace(/^tree\.?/, "") })));
    this.tree = tree;
    this.preview.refresh(tree);
  }

  result() {
    return h("div", { class: "at-result" }, this.preview.sentence, h("div", { class: "at-panels" }, this.changes.element, this.people.element, this.test.element));
  }

  changed(tree) {
    this.tree = tree;
    this.textarea.value = JSON.stringify(tree, null, 2);
    this.test.clear();
    this.preview.askLater(tree);
  }

  answered(answer) {
    this.builder.show(answer.problems);
    if (answer.problems.length) {
      this.people.rest();
      this.changes.rest();
      return;
    }
    const { tree } = this;
    this.people.refresh(tree);
    this.changes.refresh(tree);
    this.askParts(tree).then((found) => found && this.builder.showCounts(found.parts, found.total)).catch(() => {});
  }
}

const textarea = document.querySelector('[data-at-editor="segment"]');
const tree = textarea && Attune.parsed(textarea, null);
// Broken JSON is mended as JSON.
if (tree !== null) Attune.segmentEditor = new SegmentEditor(textarea, tree, Attune.config());
