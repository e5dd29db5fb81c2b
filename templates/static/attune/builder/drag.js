/* Drag conditions within their group and into others, with the mouse or a finger. */
import { Sortable } from "../vendor/sortable.esm.js";

/** Conditions of customers go everywhere; those of one event stay with their event. */
const scopeOf = (list, ui) => {
  const where = list.closest(".at-group-where");
  const outer = where && [...document.querySelectorAll(".at-group-where")].filter((each) => each.contains(list))[0];
  return outer ? `where-${outer.dataset.id}` : `conditions-${ui.number}`;
};

export const makeSortable = (host, ui) => {
  host.querySelectorAll(".at-children").forEach((list) => {
    Sortable.create(list, {
      group: scopeOf(list, ui),
      handle: ".at-grip",
      draggable: ".at-child",
      animation: 150,
      // The browser's own dragging knows no touch; one way for both looks and works the same.
      forceFallback: true,
      fallbackOnBody: true,
      fallbackTolerance: 3,
      emptyInsertThreshold: 14,
      ghostClass: "at-drag-ghost",
      dragClass: "at-dragging",
      onStart: () => host.classList.add("at-is-dragging"),
      onEnd: (event) => {
        host.classList.remove("at-is-dragging");
        ui.dropped(Number(event.item.dataset.id), Number(event.to.dataset.id), event.newDraggableIndex);
      },
    });
  });
};
