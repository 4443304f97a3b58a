// A value that went through a run and its record is exactly the one that a node returned, or that node fails.

import { DagProvenance, DagRunner, dag, node, type } from "../src/index.js";
import { ManualClock } from "./clock.js";
import { again, type ConformanceCase, type CreateStore, casesOf } from "./conformance-case.js";
import { expect } from "./expect.js";
import { expectEqual } from "./expect-equal.js";
import { completed } from "./running.js";
import { KEPT, REFUSED } from "./values.js";

type Cases = Readonly<Record<string, ConformanceCase["run"]>>;

/** Cases on values that go through a run, one for each kind. */
export const valueFidelity = [
  ...casesOf("value comes back as it was", {
    ...casesOfEach(KEPT, (make) => (createStore) => expectKept(createStore, make)),
    Blob: (createStore) => expectBlobs(createStore, (parts) => new Blob(parts, { type: "text/plain" })),
    File: (createStore) =>
      expectBlobs(createStore, (parts) => new File(parts, "a/é.txt", { type: "x/y", lastModified: 5 })),
    "a value as an input of a run": expectKeptInputs,
  }),
  ...casesOf(
    "value is refused",
    casesOfEach(
      REFUSED,
      ([make, path]) =>
        (createStore) =>
          expectRefused(createStore, make, path),
    ),
  ),
];

function casesOfEach<T>(kinds: Readonly<Record<string, T>>, run: (kind: T) => ConformanceCase["run"]): Cases {
  return Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, run(kind)]));
}

const Any = type<unknown>("Any");

/** Two nodes: one returns the value, one takes it. */
function passing(make: () => unknown, take: (value: unknown) => void = () => {}) {
  const made = { times: 0 };
  const source = node({
    output: Any,
    retry: { attempts: 3 },
    run: () => {
      made.times++;
      return make();
    },
  });
  const look = node({ input: { value: Any }, run: ({ value }) => take(value) });
  return { made, passes: dag("passes", { nodes: { make: source, look }, edges: [["make", "look"]] }) };
}

async function expectKept(createStore: CreateStore, make: () => unknown): Promise<void> {
  const store = createStore();
  // The stack of an error is that of the place where it is made: so it is the returned value that must come back.
  let original: unknown;
  let seen: unknown;
  const { passes } = passing(
    () => {
      original = make();
      return original;
    },
    (value) => {
      seen = value;
    },
  );
  const provenance = new DagProvenance(store);
  const { runId } = await completed(new DagRunner(passes, { provenance, clock: new ManualClock() }).run());
  expectEqual(seen, original, "what the consumer got");
  const later = new DagProvenance(again(createStore, store));
  expectEqual(await later.loadOutput(runId, "make"), original, "the recorded output");
  expectEqual((await later.loadInputs(runId, "look")).value, original, "the recorded input");
}

/** Some runtimes have no such classes, and some imitate them with plain properties, which is another thing to keep. */
function hasFiles(): boolean {
  if (typeof Blob === "undefined" || typeof File === "undefined") return false;
  return Object.keys(new Blob([])).length + Object.keys(new File([], "")).length === 0;
}

async function expectBlobs<T extends Blob>(createStore: CreateStore, make: (parts: BlobPart[]) => T): Promise<void> {
  if (!hasFiles()) return;
  const store = createStore();
  const { passes } = passing(() => ({
    text: make(["text é"]),
    empty: make([]),
    bytes: [make([new Uint8Array(100_000)])],
  }));
  const provenance = new DagProvenance(store);
  const { runId } = await completed(new DagRunner(passes, { provenance, clock: new ManualClock() }).run());
  const later = new DagProvenance(again(createStore, store));
  const { text, empty, bytes } = (await later.loadOutput(runId, "make")) as { text: T; empty: T; bytes: T[] };
  expectEqual([text, empty, ...bytes], [make(["text é"]), make([]), make([new Uint8Array(100_000)])], "the output");
  expectEqual(await text.text(), "text é", "what is in the first");
  expectEqual(await (bytes[0] as T).arrayBuffer(), new ArrayBuffer(100_000), "what is in the last");
}

async function expectKeptInputs(createStore: CreateStore): Promise<void> {
  const store = createStore();
  const make = KEPT["a mixture of all"] as () => unknown;
  const take = node({ input: { value: Any }, output: Any, run: ({ value }) => value });
  const takes = dag("takes", { nodes: { take } });
  const runner = new DagRunner(takes, { provenance: new DagProvenance(store), clock: new ManualClock() });
  const { runId } = await completed(runner.run({ take: { value: make() } }));
  const later = new DagProvenance(again(createStore, store));
  expectEqual(await later.loadInputs(runId, "take"), { value: make() }, "the recorded input");
  expectEqual(await later.loadOutput(runId, "take"), make(), "the recorded output");
}

async function expectRefused(createStore: CreateStore, make: () => unknown, path: string): Promise<void> {
  const store = createStore();
  const { made, passes } = passing(make);
  const provenance = new DagProvenance(store);
  const result = await new DagRunner(passes, { provenance, clock: new ManualClock() }).run();
  expect(result.status === "failed", `The run of a node that returned what cannot be kept is ${result.status}.`);
  const { message, code } = result.error as Error & { code?: string };
  expectEqual([result.failedNode, code], ["make", "NOT_KEEPABLE"], "who failed, and how");
  for (const part of ['"make"', path]) expect(message.includes(part), `${part} is missing in: ${message}`);
  expectEqual(made.times, 1, "how often the node was executed");
  const { run, executions } = await new DagProvenance(again(createStore, store)).inspect(result.runId);
  expectEqual([run.status, run.failedNode], ["failed", "make"], "the recorded failure");
  expectEqual(executions[0]?.attempts[0]?.error?.code, "NOT_KEEPABLE", "the recorded error");
}
