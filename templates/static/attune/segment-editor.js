/* The segment editor: one condition, its sentence, its size and a few members. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const textarea = document.querySelector('[data-at-editor="segment"]');
  if (!textarea) return;
  const { h } = Attune;
  const config = Attune.config();
  const tree = Attune.parsed(textarea, null);
  if (tree === null) return; // Broken JSON is mended as JSON.
  const { host, write } = Attune.takeOver(textarea, { readonly: config.readonly });
  const preview = new Attune.ConditionPreview({
    url: config.previewUrl,
    hasSample: true,
    onanswer: (answer) => builder.show(answer.problems),
  });
  const canvas = h("div", { class: "at-builder" });
  host.append(
    canvas,
    h("div", { class: "at-result" }, preview.sentence, h("div", { class: "at-result-foot" }, preview.count, preview.sample))
  );
  const builder = new Attune.ConditionBuilder(canvas, {
    tree,
    vocabulary: config.vocabulary,
    readonly: config.readonly,
    onchange: (changed) => { write(changed); preview.askLater(changed); },
  });
  builder.show(config.problems.map((each) => ({ ...each, path: each.path.replace(/^tree\.?/, "") })));
  preview.refresh(tree);
});
