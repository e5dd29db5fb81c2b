/* The condition builder. `new Attune.ConditionBuilder(host, {tree, vocabulary, onchange, readonly})`
   draws a tree and hears every change; `show(problems)`, `showCounts(parts)` and `showTrace(trace)`
   tell at each condition what is wrong, how many it holds for, and how it came out for somebody. */
import { ConditionBuilder } from "./builder/builder.js";
import { ConditionPreview } from "./builder/preview.js";
import * as model from "./builder/model.js";

Object.assign(Attune, { ConditionBuilder, ConditionPreview, conditions: model });
