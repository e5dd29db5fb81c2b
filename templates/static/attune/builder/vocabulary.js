/* What a marketer can choose from: look it up, list it for the picker, start a condition with it. */
import * as model from "./model.js";

const ICONS = { text: "text_fields", number: "tag", date: "calendar_month", boolean: "toggle_on", list: "list" };
const TYPES = { text: "text", number: "number", date: "date", boolean: "yes or no", list: "list" };
const AMOUNTS = ["total", "revenue", "value"];
const { number } = Attune;

export const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export class Vocabulary {
  constructor(json) {
    this.json = json;
    this.fields = new Map(json.fields.map((each) => [each.path, each]));
    this.events = new Map(json.events.map((each) => [each.name, each]));
    this.segments = new Map(json.segments.map((each) => [each.slug, each]));
    this.purposes = json.purposes ?? {};
    this.kept = new Map();
  }

  labelOf(op) {
    return this.json.operatorLabels[op] ?? op;
  }

  operatorsOf(type) {
    return this.json.operators[type] ?? [];
  }

  spec(path) {
    return this.fields.get(path) ?? { path, type: "text", label: path, isUnknown: true };
  }

  /** What `where` may ask of an event: its own properties, and those of its products. */
  properties(name) {
    return [...(this.events.get(name)?.properties ?? []), ...this.json.productFields];
  }

  property(name, path) {
    return this.properties(name).find((each) => each.path === path) ?? { path, type: "text", label: path.replaceAll("_", " "), isUnseen: true };
  }

  /** The consent without which a condition sees nothing, as staff call it. */
  purpose(code) {
    return code ? this.purposes[code] ?? code : "";
  }

  iconOf(type) {
    return ICONS[type] ?? "help";
  }

  /** Everything a condition can be about, for the picker. */
  subjects() {
    const fields = [...this.fields.values()];
    const of = (kind) => fields.filter((each) => each.path.startsWith(kind)).map((each) => this.fieldEntry(each));
    return [
      { label: "Given about the customer", entries: of("attributes.") },
      { label: "Derived from what they did", entries: of("traits.") },
      { label: "What they did", entries: [...this.events.values()].map((each) => this.eventEntry(each)) },
      { label: "Segments", entries: this.offeredSegments().map((each) => this.segmentEntry(each)) },
      { label: "More", entries: this.moreEntries() },
    ].filter((each) => each.entries.length);
  }

  fieldEntry(each) {
    const hint = [TYPES[each.type], each.unit === "currency" ? "amount" : each.unit, each.description].filter(Boolean).join(" · ");
    return { key: `field:${each.path}`, label: upper(each.label), icon: ICONS[each.type], hint, note: this.purpose(each.purpose), words: each.path };
  }

  eventEntry(each) {
    const hint = each.count === undefined ? "event" : each.count ? `${number(each.count)} in the last 30 days` : "none in the last 30 days";
    return { key: `event:${each.name}`, label: each.name, icon: "bolt", hint, note: this.purpose(each.purpose) };
  }

  /** Neither those put away nor the one that is edited: it cannot contain itself. */
  offeredSegments() {
    return [...this.segments.values()].filter((each) => each.state !== "archived" && (!this.json.own || each.id !== this.json.own));
  }

  segmentEntry(each) {
    const hint = each.count === undefined || each.count === null ? each.description : `${number(each.count)} customers${each.description ? ` · ${each.description}` : ""}`;
    return { key: `segment:${each.slug}`, label: each.name, icon: "groups", hint, note: each.state, words: each.slug };
  }

  moreEntries() {
    const first = this.events.size ? [{ key: "sequence:", label: "One thing after another", icon: "timeline", hint: "did this, then that, or then not that", words: "sequence then abandoned" }] : [];
    return [...first, { key: "group:", label: "Group of conditions", icon: "account_tree", hint: "all, any or none of several" }];
  }

  propertyEntries(name) {
    const own = this.events.get(name)?.properties ?? [];
    const entry = (each) => ({ key: each.path, label: upper(each.label), icon: ICONS[each.type], hint: TYPES[each.type], words: each.path });
    return [
      { label: "Products in it", entries: this.json.productFields.map(entry) },
      { label: `Properties of “${name}”`, entries: own.map(entry) },
    ].filter((each) => each.entries.length);
  }

  eventEntries() {
    return [{ label: "What they did", entries: [...this.events.values()].map((each) => ({ ...this.eventEntry(each), key: each.name })) }];
  }

  amounts(name) {
    const own = (this.events.get(name)?.properties ?? []).filter((each) => each.type === "number" && !AMOUNTS.includes(each.path));
    return [["total", "amount"], ...own.map((each) => [each.path, each.label])];
  }

  /** Start a condition with what was picked. */
  start(key) {
    const [kind, name] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)];
    const firstEvent = this.json.events[0]?.name ?? "";
    const has = (wanted) => (this.events.has(wanted) ? wanted : firstEvent);
    switch (kind) {
      case "field":
        return this.startField(name, this.spec(name).type, model.field);
      case "event":
        return model.event(name, { within: { days: 30 } });
      case "segment":
        return model.segment(name);
      case "sequence":
        return model.sequence([
          model.step(has("Product Added")),
          model.step(has("Order Completed"), { isAbsent: true, span: { hours: 24 } }),
        ], { days: 30 });
      default:
        return model.group("any", []);
    }
  }

  startField(path, type) {
    const [op, value] = { number: ["gte"], date: ["within_last", { days: 30 }], boolean: ["eq", true], list: ["includes_any"] }[type] ?? ["eq"];
    return model.field(path, op, value);
  }

  /** Values that occur, most frequent first; asked once for each field and beginning. */
  values(about, term) {
    if (!this.json.valuesUrl) return Promise.resolve([]);
    const key = JSON.stringify([about, ""]);
    this.kept.get(key) ?? this.kept.set(key, this.ask(about, ""));
    return this.kept.get(key).then((answer) => {
      const lower = term.toLowerCase();
      const near = answer.values.filter((each) => !lower || String(each.value).toLowerCase().includes(lower));
      if (!term || !answer.is_cut) return near;
      const narrow = JSON.stringify([about, lower]);
      this.kept.get(narrow) ?? this.kept.set(narrow, this.ask(about, term));
      return this.kept.get(narrow).then((more) => more.values);
    });
  }

  ask(about, term) {
    return Attune.post(this.json.valuesUrl, { ...about, term }).catch(() => ({ values: [], is_cut: false }));
  }
}
