// What a step tells the runner: by files, and by lines that the runner obeys.
import { readFileSync } from "node:fs";

// NAME=VALUE, or NAME<<MARK, lines, MARK (actions/runner, FileCommandManager.cs).
export function readPairs(file) {
  const found = {};
  const lines = readFileSync(file, "utf8").split(/\r?\n/);
  while (lines.length) {
    const line = lines.shift();
    if (!line) continue;
    const equals = line.indexOf("=");
    const heredoc = line.indexOf("<<");
    if (heredoc >= 0 && (equals < 0 || heredoc < equals)) {
      const mark = line.slice(heredoc + 2);
      const end = lines.indexOf(mark);
      if (!mark || end < 0) throw new Error(`Invalid value. Matching delimiter not found '${mark}'`);
      found[line.slice(0, heredoc)] = lines.splice(0, end + 1).slice(0, -1).join("\n");
    } else if (equals > 0) {
      found[line.slice(0, equals)] = line.slice(equals + 1);
    } else {
      throw new Error(`Invalid format '${line}'`);
    }
  }
  return found;
}

export function readLines(file) {
  return readFileSync(file, "utf8").split(/\r?\n/).filter(Boolean);
}

const unescape = (value) => value.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%25", "%");
const unescapeProperty = (value) => unescape(value.replaceAll("%3A", ":").replaceAll("%2C", ","));

// `::name key=value::message` behind white space, or `##[name]message` anywhere (ActionCommand.cs).
function parse(line) {
  const found = /^\s*::([^\s:]+)(?:\s+([^:]*))?::(.*)$/.exec(line) ?? /##\[([^\s\]]+)([^\]]*)\](.*)$/.exec(line);
  if (!found) return undefined;
  const [, name, given = "", message] = found;
  const pairs = given.split(/[,;]/).filter((one) => one.includes("="));
  const properties = pairs.map((one) => {
    const at = one.indexOf("=");
    return [one.slice(0, at).trim(), unescapeProperty(one.slice(at + 1))];
  });
  return { name: name.toLowerCase(), properties: Object.fromEntries(properties), message: unescape(message) };
}

// The orders in a log that the runner would obey, with what `stop-commands` switches off left out.
export function ordersIn(log) {
  const orders = [];
  let resume = "";
  for (const line of log.split(/\r?\n/)) {
    if (resume) {
      if (line.trim() === `::${resume}::`) resume = "";
      continue;
    }
    const order = parse(line);
    if (order?.name === "stop-commands") resume = order.message;
    else if (order) orders.push(order);
  }
  return orders;
}
