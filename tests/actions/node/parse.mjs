// GitHub's own parser over files: prints [{file, line, column, message}], and what it saw of each.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { load } from "./modules.mjs";

const parser = "@actions/workflow-parser/dist";
const { parseWorkflow, convertWorkflowTemplate, NoOperationTraceWriter } = await load(`${parser}/index.js`);
const { parseAction, convertActionTemplate } = await load(`${parser}/actions/index.js`);
const TRY_CONVERSION = 1;

async function parse(file) {
  const source = { name: file, content: readFileSync(file, "utf8") };
  const isAction = ["action.yml", "action.yaml"].includes(basename(file));
  const trace = new NoOperationTraceWriter();
  const { context, value } = isAction ? parseAction(source, trace) : parseWorkflow(source, trace);
  let steps = 0;
  if (value) {
    const options = { errorPolicy: TRY_CONVERSION };
    const made = isAction
      ? convertActionTemplate(context, value, options)
      : await convertWorkflowTemplate(context, value, undefined, options);
    const lists = isAction ? [made.runs?.steps] : (made.jobs ?? []).map((job) => job.steps ?? [job]);
    steps = lists.flat().filter(Boolean).length;
  }
  const errors = context.errors.getErrors().map((error) => ({
    file,
    line: error.range?.start.line ?? 0,
    column: error.range?.start.column ?? 0,
    message: error.rawMessage ?? error.message,
  }));
  return { file, steps, errors };
}

const parsed = [];
for (const file of process.argv.slice(2)) parsed.push(await parse(file));
process.stdout.write(JSON.stringify(parsed));
