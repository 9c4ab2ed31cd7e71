// Expressions, evaluated by GitHub's own library.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "./modules.mjs";
import { Expression } from "./read.mjs";

const { Lexer, Parser, Evaluator, data } = await load("@actions/expressions/dist/index.js");
const { truthy } = await load("@actions/expressions/dist/result.js");

// `status` is that of what the step belongs to: "success" or "failure"; nothing is ever cancelled.
function functions(status, workspace) {
  const known = (name, call, most = 0) => ({ name, minArgs: 0, maxArgs: most, call });
  const bool = (value) => new data.BooleanData(value);
  const hash = (...names) => {
    const all = createHash("sha256");
    for (const name of names) {
      const content = readFileSync(join(workspace, name.coerceString()));
      all.update(createHash("sha256").update(content).digest());
    }
    return new data.StringData(all.digest("hex"));
  };
  return [
    known("success", () => bool(status === "success")),
    known("failure", () => bool(status === "failure")),
    known("always", () => bool(true)),
    known("cancelled", () => bool(false)),
    known("hashFiles", hash, 255),
  ];
}

function run(text, contexts) {
  const { status = "success", ...named } = contexts;
  const known = functions(status, named.github?.workspace ?? ".");
  const tree = new Parser(new Lexer(text).lex().tokens, Object.keys(named), known).parse();
  const dictionary = JSON.parse(JSON.stringify(named), data.reviver);
  const byName = new Map(known.map((one) => [one.name.toLowerCase(), one]));
  return new Evaluator(tree, dictionary, byName).evaluate();
}

// A value of a file as text, as GitHub gives it to a step.
export function text(value, contexts) {
  if (value === undefined || value === null) return "";
  return value instanceof Expression ? run(value.text, contexts).coerceString() : String(value);
}

export function texts(values, contexts) {
  return Object.fromEntries(Object.entries(values ?? {}).map(([k, v]) => [k, text(v, contexts)]));
}

// Whether an `if` holds; without one it is `success()`.
export function holds(condition, contexts) {
  return truthy(run(condition instanceof Expression ? condition.text : "success()", contexts));
}
