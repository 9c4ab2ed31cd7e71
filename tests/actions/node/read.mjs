// Actions and workflows as plain values, read by GitHub's own parser; expressions stay expressions.
import { readFileSync } from "node:fs";
import { load } from "./modules.mjs";

const parser = "@actions/workflow-parser/dist";
const { parseWorkflow, NoOperationTraceWriter, isBasicExpression, isMapping, isSequence } = await load(
  `${parser}/index.js`
);
const { parseAction } = await load(`${parser}/actions/index.js`);
const { convertToIfCondition } = await load(`${parser}/model/converter/if-condition.js`);

export class Expression {
  constructor(text) {
    this.text = text;
  }
}

// The parser's own conversion drops `shell`, `with` and `working-directory`: its tokens have them.
function plain(context, token) {
  if (isMapping(token)) {
    const made = {};
    for (const { key, value } of token) {
      const name = key.toString();
      const condition = name === "if" ? convertToIfCondition(context, value) : undefined;
      made[name] = condition ? new Expression(condition.expression) : plain(context, value);
    }
    return made;
  }
  if (isSequence(token)) return [...token].map((item) => plain(context, item));
  if (isBasicExpression(token)) return new Expression(token.expression);
  return "value" in token ? token.value : null;
}

function read(file, parse) {
  const source = { name: file, content: readFileSync(file, "utf8") };
  const { context, value } = parse(source, new NoOperationTraceWriter());
  const made = value && plain(context, value);
  const errors = context.errors.getErrors();
  if (errors.length) throw new Error(`${file}: ${errors.map((e) => e.message).join("; ")}`);
  return made;
}

export const readWorkflow = (file) => read(file, parseWorkflow);
export const readAction = (file) => read(file, parseAction);
