// Runs a workflow's jobs: real bash, our actions' real steps, GitHub's own parser and expressions.
// Takes a file with what is given (see running.py), prints what became of jobs and steps as JSON.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ordersIn, readLines, readPairs } from "./commands.mjs";
import { holds, text, texts } from "./evaluate.mjs";
import { FOREIGN } from "./foreign.mjs";
import { readAction, readWorkflow } from "./read.mjs";

const spec = JSON.parse(readFileSync(process.argv[2], "utf8"));
const FILES = ["ENV", "PATH", "OUTPUT", "STEP_SUMMARY", "STATE"];
const SHELLS = {
  bash: ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
  "": ["bash", "-e"],
  python: ["python3"],
};
const UNSUPPORTED = ["strategy", "container", "services", "uses", "defaults"];
let counted = 0;

function environment(job, env) {
  const known = ["workspace", "repository", "repository_owner", "ref", "ref_name", "sha", "actor", "event_name",
    "event_path", "api_url", "server_url", "run_id", "run_number", "run_attempt", "workflow", "job", "head_ref",
    "base_ref", "action_path"];
  const told = known.map((name) => [`GITHUB_${name.toUpperCase()}`, String(job.github[name] ?? "")]);
  const path = [...job.paths, spec.environment.PATH].join(delimiter);
  return {
    ...spec.environment, CI: "true", GITHUB_ACTIONS: "true", RUNNER_TEMP: spec.temp, RUNNER_OS: "Linux",
    ...Object.fromEntries(told), ...env, PATH: path,
  };
}

// One script of a step; what it wrote into the runner's files takes effect when it has ended.
function runScript(job, step, contexts, env) {
  counted += 1;
  const script = join(spec.temp, `step-${counted}.sh`);
  writeFileSync(script, text(step.run, contexts));
  const files = Object.fromEntries(FILES.map((name) => [`GITHUB_${name}`, join(spec.temp, `${name}-${counted}`)]));
  for (const file of Object.values(files)) writeFileSync(file, "");
  const shell = SHELLS[text(step.shell, contexts)];
  if (!shell) throw new Error(`an unknown shell: ${text(step.shell, contexts)}`);
  const where = join(job.github.workspace, text(step["working-directory"], contexts) || ".");
  const done = spawnSync("sh", ["-c", 'exec "$@" 2>&1', "sh", ...shell, script], {
    cwd: where, env: { ...environment(job, env), ...files }, encoding: "utf8", timeout: 120_000, maxBuffer: 1 << 26,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const outputs = {};
  const orders = ordersIn(done.stdout);
  for (const one of orders) if (one.name === "set-output") outputs[one.properties.name] = one.message;
  Object.assign(outputs, readPairs(files.GITHUB_OUTPUT));
  Object.assign(job.env, readPairs(files.GITHUB_ENV));
  job.paths.unshift(...readLines(files.GITHUB_PATH).reverse());
  const summary = readFileSync(files.GITHUB_STEP_SUMMARY, "utf8");
  return { isGood: done.status === 0, outputs, log: done.stdout, orders, summary };
}

// Where an action lies: in the workspace, in the running repository, or in one that is at hand.
function folderOf(job, uses) {
  if (uses.startsWith("./")) return join(job.github.workspace, uses);
  if (uses.startsWith("$/")) return join(spec.repositories[job.github.repository], uses.slice(2));
  const [path] = uses.split("@");
  const [owner, name, ...rest] = path.split("/");
  const top = spec.repositories[`${owner}/${name}`];
  return top && join(top, ...rest);
}

function runComposite(job, step, folder, contexts, env) {
  const action = readAction(join(folder, "action.yml"));
  if (action.runs.using !== "composite") throw new Error(`${folder} is not composite`);
  const given = texts(step.with, contexts);
  for (const name of Object.keys(given)) if (!(name in (action.inputs ?? {}))) throw new Error(`unexpected input ${name}`);
  const inputs = {};
  for (const [name, declared] of Object.entries(action.inputs ?? {})) {
    if (!(name in given) && declared.required && declared.default === undefined) throw new Error(`no input ${name}`);
    inputs[name] = given[name] ?? text(declared.default, contexts);
  }
  const outer = job.github.action_path;
  job.github.action_path = folder;
  const inside = runSteps(job, action.runs.steps, { inputs }, env);
  job.github.action_path = outer;
  const values = Object.entries(action.outputs ?? {}).map(([name, one]) => [name, text(one.value, inside.contexts())]);
  return { isGood: inside.status === "success", outputs: Object.fromEntries(values), steps: inside.told };
}

function runForeign(job, step, uses, contexts, env) {
  const stand = FOREIGN[uses.split("@")[0]];
  if (!stand) throw new Error(`there is no ${uses} here`);
  job.environment = environment(job, env);
  try {
    return { isGood: true, outputs: stand(job, texts(step.with, contexts)) ?? {} };
  } catch (error) {
    return { isGood: false, outputs: {}, log: String(error) };
  }
}

function runStep(job, step, contexts, env) {
  if (step.run !== undefined) return runScript(job, step, contexts, env);
  const uses = text(step.uses, contexts);
  const folder = folderOf(job, uses);
  if (!folder) return runForeign(job, step, uses, contexts, env);
  if (folder.endsWith("/actions/setup") && spec.commands) {
    job.paths.unshift(spec.commands); // what setup does, without an installation
    return { isGood: true, outputs: { version: "0" } };
  }
  return runComposite(job, step, folder, contexts, env);
}

// The steps of a job or of a composite action; `more` are contexts of its own.
function runSteps(job, steps, more, outerEnv) {
  const own = { status: "success", told: [], steps: {} };
  own.contexts = (env = outerEnv) => ({
    github: job.github, runner: { temp: spec.temp, os: "Linux" }, job: { status: job.status }, steps: own.steps,
    env: { ...env, ...job.env }, needs: job.needs, secrets: spec.secrets, vars: {}, matrix: {}, strategy: {},
    status: own.status, ...more,
  });
  for (const step of steps) {
    const before = own.contexts();
    const env = { ...outerEnv, ...job.env, ...texts(step.env, before) };
    const contexts = { ...before, env };
    const name = text(step.name ?? step.id ?? step.run ?? step.uses, contexts);
    const told = { name, id: step.id, outcome: "skipped", conclusion: "skipped", outputs: {} };
    if (holds(step.if, contexts)) {
      const { isGood, ...done } = runStep(job, step, contexts, env);
      const outcome = isGood ? "success" : "failure";
      const isForgiven = text(step["continue-on-error"], contexts) === "true";
      Object.assign(told, done, { outcome, conclusion: isForgiven ? "success" : outcome });
      if (told.conclusion === "failure") own.status = "failure";
    }
    own.told.push(told);
    if (step.id) own.steps[step.id] = { outputs: told.outputs, outcome: told.outcome, conclusion: told.conclusion };
  }
  return own;
}

function inputsOf(workflow) {
  const declared = workflow.on?.workflow_dispatch?.inputs ?? {};
  const given = spec.github.event?.inputs ?? {};
  return Object.fromEntries(Object.entries(declared).map(([name, one]) => [name, given[name] ?? one?.default ?? ""]));
}

function runJob(id, definition, finished, workflow) {
  const odd = UNSUPPORTED.filter((key) => key in definition);
  if (odd.length) throw new Error(`${id}: ${odd} is not played here`);
  const names = [definition.needs ?? []].flat();
  const needs = Object.fromEntries(names.map((name) => [name, finished[name]]));
  const isGood = names.every((name) => finished[name].result === "success");
  const workspace = join(spec.temp, "workspaces", id);
  mkdirSync(workspace, { recursive: true });
  const token = spec.tokens[id] ?? "";
  const job = {
    spec, needs, env: {}, paths: [], status: "success",
    github: { ...spec.github, workspace, job: id, token, event_path: spec.eventPath },
  };
  const inputs = inputsOf(workflow);
  const contexts = { github: job.github, needs, inputs, vars: {}, status: isGood ? "success" : "failure" };
  if (!holds(definition.if, contexts)) return { result: "skipped", outputs: {}, steps: [] };
  const env = { ...texts(workflow.env, contexts), ...texts(definition.env, contexts) };
  const done = runSteps(job, definition.steps, { inputs }, env);
  const outputs = texts(definition.outputs, done.contexts());
  return { result: done.status, outputs, steps: done.told };
}

const workflow = readWorkflow(spec.workflow);
const finished = {};
const waiting = Object.keys(workflow.jobs);
while (waiting.length) {
  const at = waiting.findIndex((id) => [workflow.jobs[id].needs ?? []].flat().every((name) => name in finished));
  if (at < 0) throw new Error("the jobs wait for each other");
  const [id] = waiting.splice(at, 1);
  finished[id] = runJob(id, workflow.jobs[id], finished, workflow);
}
process.stdout.write(JSON.stringify(finished));
