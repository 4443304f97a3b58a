// Type-checks a program given as text, as a user's compiler would.

import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const FILE = resolve(ROOT, "test/virtual-program.ts");

export interface Compiled {
  /** The messages of all errors, each with the messages that explain it. */
  readonly errors: readonly string[];
  readonly instantiations: number;
  readonly checkMs: number;
}

/** Libraries and sources are the same for all programs of one test file. */
const parsed = new Map<string, ts.SourceFile>();

/** Checks `source` against the sources of heddle. */
export function compile(source: string): Compiled {
  const { config } = ts.readConfigFile(resolve(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options: strict } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
  const options = { ...strict, noUnusedLocals: false };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (name, version) => {
    if (name === FILE) return ts.createSourceFile(FILE, source, version);
    const file = parsed.get(name) ?? getSourceFile(name, version);
    if (file) parsed.set(name, file);
    return file;
  };
  host.fileExists = (name) => name === FILE || fileExists(name);
  host.readFile = (name) => (name === FILE ? source : readFile(name));
  const program = ts.createProgram([FILE], options, host);
  const started = performance.now();
  const diagnostics = ts.getPreEmitDiagnostics(program);
  const errors = diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  return { errors, instantiations: program.getInstantiationCount(), checkMs: performance.now() - started };
}
