// Stand-ins for the few actions of others that ours and their examples use, as faithful as needed.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";

const isCommit = (ref) => /^[0-9a-f]{40}$/.test(ref);

function git(job, folder, ...args) {
  const done = spawnSync("git", args, { cwd: folder, env: job.environment, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`git ${args.join(" ")}: ${done.stderr}`);
  return done.stdout.trim();
}

function checkout(job, inputs) {
  const repository = inputs.repository || job.github.repository;
  const remote = job.spec.remotes[repository];
  if (!remote) throw new Error(`checkout: there is no ${repository}`);
  const folder = resolve(job.github.workspace, inputs.path || ".");
  if (!folder.startsWith(job.github.workspace)) throw new Error("checkout: path is outside");
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, ".git"))) {
    git(job, folder, "init", "--quiet", "--initial-branch=main");
    git(job, folder, "remote", "add", "origin", remote);
  }
  const isOwn = repository === job.github.repository;
  const given = inputs.ref || (isOwn ? job.github.ref : "");
  const branch = given.replace("refs/heads/", "");
  const commit = isCommit(given) ? given : !inputs.ref && isOwn ? job.github.sha : "";
  const all = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];
  const one = [isCommit(given) ? given : `+${commit || `refs/heads/${branch}`}:refs/remotes/origin/${branch}`];
  const isWhole = (inputs["fetch-depth"] || "1") === "0";
  git(job, folder, "fetch", "--quiet", "--no-tags", ...(isWhole ? [] : ["--depth=1"]), "origin", ...(isWhole ? all : one));
  if (isCommit(given)) git(job, folder, "checkout", "--quiet", "--force", "--detach", given);
  else git(job, folder, "checkout", "--quiet", "--force", "-B", branch, commit || `refs/remotes/origin/${branch}`);
  return { ref: given, commit: git(job, folder, "rev-parse", "HEAD") };
}

function upload(job, inputs) {
  const source = resolve(job.github.workspace, inputs.path);
  if (!existsSync(source)) {
    if (inputs["if-no-files-found"] === "error") throw new Error(`No files were found: ${inputs.path}`);
    return {};
  }
  const target = join(job.spec.artifacts, inputs.name || "artifact");
  if (existsSync(target)) throw new Error(`an artifact with this name already exists: ${inputs.name}`);
  const isFile = statSync(source).isFile();
  cpSync(source, isFile ? join(target, basename(source)) : target, { recursive: true });
  return { "artifact-id": "1" };
}

function download(job, inputs) {
  const source = join(job.spec.artifacts, inputs.name || "artifact");
  if (!existsSync(source)) throw new Error(`Artifact not found for name: ${inputs.name}`);
  const target = resolve(job.github.workspace, inputs.path || ".");
  cpSync(source, target, { recursive: true });
  return { "download-path": target };
}

function uploadSarif(job, inputs) {
  const log = JSON.parse(readFileSync(resolve(job.github.workspace, inputs.sarif_file), "utf8"));
  if (log.version !== "2.1.0") throw new Error("not a SARIF log");
  return { "sarif-id": "1" };
}

export const FOREIGN = {
  "actions/checkout": checkout,
  "actions/setup-python": (job) => ({ "python-path": job.spec.python, "python-version": "3" }),
  "actions/upload-artifact": upload,
  "actions/download-artifact": download,
  "github/codeql-action/upload-sarif": uploadSarif,
  "actions/create-github-app-token": (job) => ({ token: job.spec.appToken }),
};
