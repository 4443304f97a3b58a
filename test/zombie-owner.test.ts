// A killed process that its parent has not asked about still has its id (a container without an init, a shell that does
// not wait): it is dead all the same.

import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { DATA, install, Session } from "./support/session.js";
import { temporaryDirectory } from "./support/stores.js";

test("a run whose owner is a zombie can be continued at once", async () => {
  const program = await install(DATA);
  const directory = temporaryDirectory();
  const command = `"${process.execPath}" "${program}" --dir "${directory}" --pace 60 & echo $!; exec sleep 60`;
  const shell = spawn("sh", ["-c", command], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  shell.stdout.on("data", (text) => {
    out += text;
  });
  shell.stderr.on("data", (text) => {
    err += text;
  });
  while (!err.includes("7/25 chunks")) await sleep(10);
  process.kill(Number(out.split("\n")[0]), "SIGKILL");
  await sleep(200);
  const { code, err: said } = await new Session(program, ["--dir", directory]).ended;
  shell.kill("SIGKILL");
  expect(said).toContain("Continuing run");
  expect(code).toBe(0);
});
