// Node, Deno and Bun: the cases run in a process, in a project that has the built package installed.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { bundle, ROOT } from "../../browsers/bundle.js";
import type { Outcome } from "../inside/run-case.js";
import type { Runtime, Session } from "../runtime.js";

const PROGRAMS = ["process", "serving"].map((name) => resolve(import.meta.dirname, `../inside/${name}.ts`));
const ENGINES = resolve(import.meta.dirname, "../engines/node_modules/.bin");

export const node: Runtime = { name: "Node", open: () => openIn(process.execPath) };
export const deno: Runtime = { name: "Deno", open: () => openIn(join(ENGINES, "deno"), "run", "--allow-all") };
export const bun: Runtime = { name: "Bun", open: () => openIn(join(ENGINES, "bun"), "run") };

/** What the program says first. */
type Greeting = Pick<Session, "version" | "subjects"> & { readonly conformance: string };

async function openIn(command: string, ...args: readonly string[]): Promise<Session> {
  const project = await makeProject();
  const child = spawn(command, [...args, join(project, "process.js")], {
    cwd: project,
    env: { ...process.env, DENO_DIR: join(project, ".deno"), DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const next = answersOf(child);
  const close = async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    rmSync(project, { recursive: true });
  };
  const { conformance, ...greeting } = (await next()) as Greeting;
  if (!conformance.includes(project)) throw new Error(`The cases come from ${conformance}, not from ${project}.`);
  return {
    ...greeting,
    run(subject, name) {
      child.stdin?.write(`${JSON.stringify({ subject, name })}\n`);
      return next() as Promise<Outcome>;
    },
    close,
  };
}

/** A project as a user has it: the package as it is published, and what it depends on. */
async function makeProject(): Promise<string> {
  const project = mkdtempSync(join(tmpdir(), "heddle-matrix-"));
  const modules = join(project, "node_modules");
  mkdirSync(modules);
  for (const part of ["dist", "package.json"]) {
    cpSync(join(ROOT, part), join(modules, "heddle", part), { recursive: true });
  }
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  const scripts = await bundle(PROGRAMS, { esbuild: { platform: "node", packages: "external" } });
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
  for (const [name, script] of scripts) writeFileSync(join(project, name), script);
  return project;
}

/** Reads answers one by one; rejects with what the process complained of if it has ended. */
function answersOf(child: ChildProcess): () => Promise<unknown> {
  if (!child.stdout || !child.stderr) throw new Error("The process was started without pipes.");
  let complaint = "";
  child.on("error", (error) => {
    complaint += error;
  });
  child.stderr.on("data", (chunk) => {
    complaint = (complaint + chunk).slice(-5_000);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`The process has ended. ${complaint}`);
    return JSON.parse(value);
  };
}
