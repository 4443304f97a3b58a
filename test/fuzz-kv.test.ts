// A namespace of KV in which one key is damaged, moved or written by somebody else: whatever is asked of it is answered
// as if nothing had happened, or with one of heddle's errors; other runs stay as they are.

import { isDeepStrictEqual } from "node:util";
import { chain, DagProvenance, DagRunner, dag, HeddleError, type JournalEvent, list, map, node, type } from "heddle";
import { cloudflareKvStore } from "heddle/adapters/cloudflare-kv";
import { beforeAll, expect, test } from "vitest";
import { type Damage, damage, type Entries, kvOf } from "./support/damaged-kv.js";
import { Draws } from "./support/mutate-records.js";
import { journal, storeWith } from "./support/store-with.js";

// The decoders themselves get more in the other two files: here every case opens a store.
const CASES = Number(process.env.CASES ?? (process.env.CHAOS ? 300_000 : 25_000));
// A failing case is repeated alone with CASE=… CASES=1.
const FIRST_CASE = Number(process.env.CASE ?? 1);
/** Only what hangs takes so long. */
const LONGEST_MS = 60_000;
/** What those may say who read or write. */
const SAID =
  /^(STORE_(DAMAGED|VERSION|STALE|CONFLICT)|VALUE_(DAMAGED|MISSING)|RESTART_BLOCKED|RUN_(NOT_FOUND|OWNED|COMPLETED)|FENCED|DAG_CHANGED)$/;

/** A run as it was written. */
interface Baseline {
  readonly runId: string;
  readonly events: readonly JournalEvent[];
  readonly outputs: ReadonlyMap<string, unknown>;
}

const entries: Entries = new Map();
const baselines: Baseline[] = [];

function open(of: Entries) {
  const store = cloudflareKvStore(kvOf(of), { onWarning: () => {}, retryAfterMs: 0 });
  // Values of a few hundred bytes are stored apart, so that a namespace stays small.
  return storeWith(store, (inner) => ({ capabilities: { ...inner.capabilities, batchedValueBytes: 300 } }));
}

const Num = type<number>("Num");
const Wide = type<{ bytes: Uint8Array; texts: string[] }>("Wide");
let isBroken = true;
const work = dag("work", {
  nodes: {
    give: node({ output: list(Num), run: () => [1, 2, 3] }),
    long: map(node({ input: { n: Num }, output: Num, run: ({ n }) => n + 0.5 })),
    wide: node({
      input: { all: list(Num) },
      output: Wide,
      run: ({ all }) => ({ bytes: Uint8Array.from(all), texts: Array.from({ length: 60 }, (_, i) => `${i} of 60`) }),
    }),
    middle: node({
      input: { wide: Wide },
      output: list(Num),
      run: ({ wide }) => wide.texts.map((_, i) => i),
    }),
    last: node({
      input: { all: list(Num) },
      output: Num,
      run: ({ all }) => {
        if (isBroken) throw new Error("broken", { cause: new RangeError("so it is") });
        return all.length;
      },
    }),
  },
  edges: chain("give", "long", "wide", "middle", "last"),
});

beforeAll(async () => {
  const store = open(entries);
  const runnerOf = (durability: "sync" | "async") =>
    new DagRunner(work, { provenance: new DagProvenance(store, { durability }) });
  const long = "a run with a name that has no place in a key ".repeat(3);
  await runnerOf("sync").run({}, { runId: "a" });
  await runnerOf("async").run({}, { runId: long });
  isBroken = false;
  await runnerOf("async").restart("a");
  await runnerOf("async").run({}, { runId: "b" });
  const replayed = await runnerOf("async").replay("b", { rerun: ["last"] });
  const provenance = new DagProvenance(store);
  // One that takes its values from a run that is gone.
  const { runId: gone } = await runnerOf("async").run();
  const orphan = await runnerOf("async").replay(gone, { rerun: ["last"] });
  await provenance.removeRun(gone);
  for (const runId of ["a", "b", replayed.runId, orphan.runId, long]) {
    const { executions } = await provenance.inspect(runId);
    const outputs = new Map<string, unknown>();
    for (const { path, output } of executions) if (output) outputs.set(path, await provenance.loadOutput(runId, path));
    baselines.push({ runId, events: await journal(store, runId), outputs });
  }
  for (const mark of ["/0", "/1", "/3", "/4", "heddle//h/", "/k/", "/u/", "/%/"]) {
    expect(
      [...entries.keys()].some((key) => key.includes(mark)),
      mark,
    ).toBe(true);
  }
});

type Answer = "as it was" | "an error" | "less" | "something else";

/** What is asked of a damaged namespace, and whether the answer is right. */
const QUESTIONS: Readonly<Record<string, (of: Entries, about: Baseline, draws: Draws) => Promise<Answer>>> = {
  async journal(of, { runId, events }) {
    const { events: read, more } = await open(of).read(runId, 0, Number.POSITIVE_INFINITY);
    if (!isDeepStrictEqual(read, events.slice(0, read.length))) return "something else";
    // The end is never where some are missing.
    if (read.length < events.length) return more ? "less" : "something else";
    return "as it was";
  },
  async output(of, { runId, outputs }, draws) {
    const [path, output] = draws.one([...outputs]);
    const loaded = await new DagProvenance(open(of)).loadOutput(runId, path);
    return isDeepStrictEqual(loaded, output) ? "as it was" : "something else";
  },
  async inspection(of, { runId, events }) {
    const provenance = new DagProvenance(open(of));
    const { run } = await provenance.inspect(runId);
    if (run.damage !== undefined) return "an error";
    return run.events === events.length ? "as it was" : "something else";
  },
  async list(of) {
    const { runs } = await new DagProvenance(open(of)).listRuns();
    return runs.length === baselines.length ? "as it was" : "less";
  },
  async usage(of) {
    const { runs } = await open(of).usage();
    return runs.length === baselines.length ? "as it was" : "less";
  },
  async restart(of, { runId }) {
    isBroken = false;
    const provenance = new DagProvenance(open(of));
    const result = await new DagRunner(work, { provenance }).restart(runId);
    if (result.status === "failed") throw result.error;
    return isDeepStrictEqual(result.outputs, { last: 60 }) ? "as it was" : "something else";
  },
  async removal(of, { runId }, draws) {
    const store = open(of);
    await (draws.below(2) ? store.remove([runId]) : new DagProvenance(store).prune({ keep: 0, payloadsOnly: true }));
    return "as it was";
  },
};

async function ask(question: string, of: Entries, about: Baseline, draws: Draws): Promise<Answer> {
  try {
    return await (QUESTIONS[question] as (typeof QUESTIONS)[string])(of, about, draws);
  } catch (error) {
    if (error instanceof HeddleError && SAID.test(error.code) && error.message.length < 1_500) return "an error";
    throw error;
  }
}

/** What writes is asked less often, since it takes the longest. */
function questionOf(draws: Draws): string {
  const rare = draws.below(40);
  if (rare === 0) return "removal";
  return rare < 4 ? "restart" : draws.one(["journal", "output", "inspection", "list", "usage"]);
}

/** The run to ask about: mostly that of the key. */
function aboutOf({ key }: Damage, draws: Draws): Baseline {
  const own = baselines.find(({ runId }) => key.includes(`/${runId}/`));
  return own && draws.below(4) > 0 ? own : draws.one(baselines);
}

test(`${CASES.toLocaleString("en")} damaged namespaces`, { timeout: 3_600_000 }, async () => {
  const counts = new Map<string, number>();
  let slowestMs = 0;
  for (let number = FIRST_CASE; number < FIRST_CASE + CASES; number++) {
    const draws = new Draws(number);
    const copy: Entries = new Map(entries);
    const done = damage(copy, draws);
    const question = questionOf(draws);
    const about = aboutOf(done, draws);
    const started = performance.now();
    let answer: Answer;
    try {
      answer = await ask(question, copy, about, draws);
      if (answer === "something else" && !done.isSealed) throw new Error("It is accepted.");
    } catch (error) {
      throw new Error(`CASE=${number}, ${question} of ${about.runId}, ${done.key}: ${done.kind}. ${error}`, {
        cause: error,
      });
    }
    slowestMs = Math.max(slowestMs, performance.now() - started);
    if (slowestMs > LONGEST_MS) throw new Error(`CASE=${number} took ${Math.round(slowestMs)} ms.`);
    counts.set(`${question}: ${answer}`, (counts.get(`${question}: ${answer}`) ?? 0) + 1);
  }
  const lines = [...counts].sort().map(([what, count]) => `${count} ${what}`);
  console.log(`${CASES} namespaces, the slowest answer took ${slowestMs.toFixed(0)} ms\n${lines.join("\n")}`);
  for (const question of Object.keys(QUESTIONS)) {
    expect(counts.get(`${question}: as it was`), question).toBeGreaterThan(CASES / 1_000);
  }
  for (const question of ["journal", "output", "inspection", "restart"]) {
    expect(counts.get(`${question}: an error`), question).toBeGreaterThan(CASES / 1_000);
  }
});
