// Everything that is checked besides the tests. Runs all, also after a failure, and prints one line for each.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";

/** Names and commands, run in this order from the root; the later ones look at what `build` made. */
const CHECKS = [
  ["format and lint", "biome ci ."],
  ["types of everything", "tsc -p ."],
  ["types of the engine alone", "tsc -p src"],
  ["unused files and exports", "knip --no-progress"],
  ["build", "tsup --silent"],
  ["package", "publint --strict"],
  ["types of the package", "attw --pack . --profile esm-only --quiet"],
  ["types of a project that uses it", "node scripts/check-consumer.mjs"],
  ["sizes", "size-limit"],
  ["documentation", "typedoc --emit none"],
  ["bench, small: every result is checked", "npm run bench -- --small"],
];

const PATH = `node_modules/.bin:${process.env.PATH}`;

const failures = [];
for (const [name, command] of CHECKS) {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(command, {
    shell: true,
    encoding: "utf8",
    env: { ...process.env, PATH },
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? "ok    " : "FAILED"} ${name} (${command}, ${seconds} s)`);
  if (name === "sizes" && status === 0) console.log(stdout.trimEnd());
  if (status === 0) continue;
  failures.push(name);
  console.log(`${stdout}${stderr}`);
}
const failed = failures.length;
const passed = CHECKS.length - failed;
console.log(`checks: ${passed} passed, ${failed} failed`);
if (process.env.CHECK_RESULTS) {
  writeFileSync(process.env.CHECK_RESULTS, JSON.stringify({ passed, failed, failures }));
}
process.exitCode = failed === 0 ? 0 : 1;
