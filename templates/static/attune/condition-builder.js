/* The condition builder. `new Attune.ConditionBuilder(host, {tree, vocabulary, onchange, readonly})`
   draws a tree and hears every change; `show(problems)`, `showCounts(parts)` and `showTrace(trace)`
   tell at each condition what is wrong, how many it holds for, and how it came out for somebody. */
import { ConditionBuilder } from "./builder/builder.js";
import { CustomerTest } from "./builder/customer-test.js";
import { PeoplePanel } from "./builder/people.js";
import { ConditionPreview } from "./builder/preview.js";
import * as model from "./builder/model.js";

Object.assign(Attune, { ConditionBuilder, ConditionPreview, CustomerTest, PeoplePanel, conditions: model });
