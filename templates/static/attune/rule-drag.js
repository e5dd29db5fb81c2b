/* Reorder rules with mouse, pen or finger: the card goes where the pointer is. */
"use strict";
Attune.RuleDrag = class {
  /** Only the handle starts a drag, so that text can be selected and a finger can scroll. */
  constructor(card) {
    this.card = card;
    card.handle.addEventListener("pointerdown", (event) => this.start(event));
    this.onmove = (event) => this.move(event);
    this.onend = (event) => this.end(event);
    this.onkey = (event) => { if (event.key === "Escape") this.cancel(); };
  }

  start(event) {
    if (event.button) return;
    event.preventDefault();
    this.card.handle.focus();
    this.pointer = event.pointerId;
    this.card.element.classList.add("at-dragged");
    this.listen("addEventListener");
  }

  listen(verb) {
    document[verb]("pointermove", this.onmove);
    document[verb]("pointerup", this.onend);
    document[verb]("pointercancel", this.onend);
    document[verb]("keydown", this.onkey);
  }

  move(event) {
    if (event.pointerId !== this.pointer) return;
    const { element } = this.card;
    // The neighbours move, not the card itself: taken out of the page it would lose the pointer.
    for (let before = element.previousElementSibling; before && event.clientY < this.reach(before).top; before = element.previousElementSibling) element.after(before);
    for (let after = element.nextElementSibling; after && event.clientY > this.reach(after).bottom; after = element.nextElementSibling) element.before(after);
    const edge = 60;
    if (event.clientY < edge) window.scrollBy(0, -12);
    else if (event.clientY > window.innerHeight - edge) window.scrollBy(0, 12);
  }

  /** From where on a neighbour gives way: then the pointer stands on the card, and nothing flickers. */
  reach(neighbour) {
    const box = neighbour.getBoundingClientRect();
    const height = Math.min(box.height, this.card.element.getBoundingClientRect().height);
    return { top: box.top + height, bottom: box.bottom - height };
  }

  end(event) {
    if (event.pointerId !== this.pointer) return;
    const { element, entry, editor, handle } = this.card;
    const to = [...element.parentNode.children].indexOf(element);
    this.stop();
    if (event.type === "pointerup") editor.move(entry, to, handle);
    else editor.drawRules();
  }

  cancel() {
    this.stop();
    this.card.editor.drawRules();
  }

  stop() {
    this.pointer = null;
    this.card.element.classList.remove("at-dragged");
    this.listen("removeEventListener");
  }
};
