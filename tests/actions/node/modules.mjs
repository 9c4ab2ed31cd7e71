// Where the packages lie that the session installs; imports are by path, so that they are found there.
import { register } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// workflow-parser imports JSON without saying so, which Node refuses.
register("./json_hook.mjs", import.meta.url);

const home = process.env.PIPELINE_ACTIONS_HOME;
if (!home) throw new Error("PIPELINE_ACTIONS_HOME does not name the folder with node_modules");

export function load(path) {
  return import(pathToFileURL(join(home, "node_modules", path)).href);
}
