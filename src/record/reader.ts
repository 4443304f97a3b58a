// Reads what a store has of runs: their state, the shape of their dag, their values.

import { assemble, elementAt, nameAt } from "../collection.js";
import { elementNames, elementText } from "../definition/path.js";
import type { Step } from "../definition/plan.js";
import { type AnySchema, isOptional, type Settled } from "../definition/schema.js";
import { errorOf } from "../error-record.js";
import { HeddleError, quoted } from "../errors.js";
import type { Composed, ConsumedRef, Origin, Ref } from "../events.js";
import { expectRunId } from "../expect.js";
import type { Encoded, JournalPage, Store, ValueLocation } from "../ports.js";
import type { GivenInputs } from "../run/recording.js";
import { fold, startFold } from "./fold.js";
import {
  onlyChild,
  outcomeAsOf,
  type RecordedOutput,
  type RecordedValue,
  type RunState,
  seqOfOutput,
} from "./run-state.js";
import { type Shape, shapeIn } from "./shape.js";
import { hasHash, hashOf, inlineEncoding } from "./values.js";

const READ_EVENTS = 5_000;
/** What comes before such a place can be shown. */
const UNREADABLE: ReadonlySet<string> = new Set(["STORE_DAMAGED", "STORE_STALE"]);

/** Reads runs from one store. */
export class RunReader {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * The state of a run as far as its journal can be read; nothing if there is no such run. A state that is `known`
   * already is brought up to date, and only what is new is read.
   *
   * @throws HeddleError `STORE_DAMAGED` if nothing of it can be read.
   */
  async find(runId: string, known?: RunState): Promise<RunState | undefined> {
    expectRunId(runId);
    let state = known;
    let page: JournalPage;
    do {
      try {
        page = await this.#store.read(runId, state?.events ?? 0, READ_EVENTS);
        for (const event of page.events) {
          if (state) fold(state, event);
          else state = startFold(runId, event);
        }
      } catch (error) {
        if (!state || !(error instanceof HeddleError) || !UNREADABLE.has(error.code)) throw error;
        state.damage = error;
        return state;
      }
    } while (page.more);
    return state;
  }

  /** The state of a run as far as its journal can be read. @throws HeddleError `RUN_NOT_FOUND`, `STORE_DAMAGED`. */
  async load(runId: string): Promise<RunState> {
    const state = await this.find(runId);
    if (!state) throw notFound(runId);
    return state;
  }

  /** The whole state of a run, to build on. @throws HeddleError `RUN_NOT_FOUND`, `STORE_DAMAGED`. */
  async loadWhole(runId: string): Promise<RunState> {
    const state = await this.load(runId);
    if (state.damage) throw state.damage;
    return state;
  }

  /** The shape of the dag with which a run was last executed. @throws HeddleError `VALUE_MISSING`, `STORE_DAMAGED`. */
  async shape({ runId, started, resumed, shapeSeq }: RunState): Promise<Shape> {
    const hash = (resumed ?? started).fingerprint;
    const encoded = await this.#encoded({ hash, runId, seq: shapeSeq });
    const shape = encoded && shapeIn(encoded.text);
    if (shape) return shape;
    if (encoded) {
      const message = `What run "${runId}" names as the description of its dag is something else. Nothing was changed there. Put back a copy of it, or start the run anew under another name.`;
      throw new HeddleError("STORE_DAMAGED", message);
    }
    throw new HeddleError("VALUE_MISSING", `The description of the dag of run "${runId}" is gone from the store.`);
  }

  /** A recorded value: at once if it is small. @throws HeddleError `VALUE_MISSING`, `STORE_DAMAGED`. */
  value({ ref, origin }: Pick<RecordedOutput, "ref" | "origin">): unknown {
    if (ref === undefined) return undefined;
    const inline = inlineEncoding(ref);
    if (!inline && !hashOf(ref)) throw new HeddleError("VALUE_MISSING", `"${ref}" is no reference to a value.`);
    return inline ? this.#store.codec.decode(inline) : this.#hashed(hashOf(ref) as string, origin);
  }

  /**
   * The output of a path, the latest or as it was after event `seq`, put together from those of its children if it is a
   * composite's: at once where all is small.
   *
   * @throws HeddleError `VALUE_MISSING`, `STORE_DAMAGED`.
   */
  output(state: RunState, path: string, seq = Number.POSITIVE_INFINITY): unknown {
    const { output } = outcomeAsOf(state.nodes.get(path), seq) ?? {};
    if (!output) throw new HeddleError("VALUE_MISSING", `Run "${state.runId}" has no recorded output of "${path}".`);
    if (!output.composed) return this.value(output);
    if (output.composed.kind === "one") return this.output(state, onlyChild(path, output.composed), seq);
    return this.#assembled(state, path, output as RecordedOutput & { readonly composed: Composed }, seq);
  }

  /** The positions of the elements of all completed maps over plain objects and Maps, by path. */
  async ranks(state: RunState): Promise<Map<string, number>> {
    const ranks = new Map<string, number>();
    for (const { path, output } of state.nodes.values()) {
      if (output?.composed?.keys === undefined) continue;
      const keys = (await this.value({ ref: output.composed.keys, origin: output.origin })) as readonly unknown[];
      for (const position of keys.keys()) ranks.set(path + elementText(nameAt(keys, position)), position);
    }
    return ranks;
  }

  /** What was taken from a path, or from an element of its output. */
  async consumed(state: RunState, { path, element, value, origin }: ConsumedRef): Promise<unknown> {
    const isComposed = value === undefined && path !== undefined && origin !== undefined;
    const whole = isComposed ? await this.#outputAt(state, path, origin) : await this.valueOf(state, value, origin);
    return elementNames(element ?? "").reduce(elementAt, whole);
  }

  /** The output of a composite, as it was put together in this run or in the one that was replayed. */
  async #outputAt(state: RunState, path: string, origin: Origin): Promise<unknown> {
    const seq = seqOfOutput(state.nodes.get(path), origin);
    if (seq !== undefined) return this.output(state, path, seq);
    const { runId } = origin;
    const owner = runId === state.runId ? undefined : await this.find(runId);
    if (owner) return this.output(owner, path, origin.seq);
    const gone = `What run "${state.runId}" took from "${path}" was put together in run "${runId}", which is gone.`;
    throw new HeddleError("VALUE_MISSING", gone);
  }

  async #assembled(
    state: RunState,
    path: string,
    { composed, origin }: RecordedOutput & { readonly composed: Composed },
    seq: number,
  ): Promise<unknown> {
    const { kind, count, sink, failed } = composed;
    const keys = (await this.value({ ref: composed.keys, origin })) as readonly unknown[] | undefined;
    const failures = new Map(failed);
    const outputs: unknown[] = [];
    for (let position = 0; position < count; position++) {
      const at = failures.get(position);
      const child = path + elementText(nameAt(keys, position)) + sink;
      const output = at === undefined ? this.output(state, child, seq) : failureAt(state, at, seq);
      const value = output instanceof Promise ? await output : output;
      outputs.push(failed && at === undefined ? { status: "completed", value } : value);
    }
    return assemble(kind, keys, outputs);
  }

  /** A value that the journal of a run refers to, recorded at `origin` or somewhere in that run. */
  async valueOf({ runId, events }: RunState, ref: Ref | undefined, origin?: Origin): Promise<unknown> {
    return this.value({ ref, origin: origin ?? { runId, seq: events - 1, attempt: 0 } });
  }

  /** Those values that are gone from the store. */
  async gone(values: readonly RecordedValue[]): Promise<Set<RecordedValue>> {
    const hashed = values.flatMap((value) => {
      const { runId, seq } = value.origin;
      const hashes = [value.ref, value.composed?.keys].flatMap((ref) => hashOf(ref) ?? []);
      return hashes.map((hash) => ({ value, at: { hash, runId, seq } }));
    });
    if (hashed.length === 0) return new Set();
    const found = await this.#store.hasValues(hashed.map(({ at }) => at));
    return new Set(hashed.filter((_, i) => !found[i]).map(({ value }) => value));
  }

  /** The recorded inputs of these sources. @throws HeddleError `INVALID_INPUT` if one was never given. */
  async inputs(state: RunState, sources: readonly Step[]): Promise<GivenInputs> {
    const given = new Map<string, Record<string, unknown>>();
    for (const { path, node, label } of sources) {
      const recorded = Object.hasOwn(state.started.inputs, path) ? state.started.inputs[path] : undefined;
      const refs = Object.entries(recorded ?? {});
      const missing = Object.keys(node.input).filter(
        (name) => !(recorded && Object.hasOwn(recorded, name)) && !mayBeAbsent(node.input[name]),
      );
      if (missing.length > 0) throw neverGiven(state.runId, label, missing);
      const values = refs.map(async ([name, ref]) => [name, await this.valueOf(state, ref)] as const);
      if (refs.length > 0) given.set(path, Object.fromEntries(await Promise.all(values)));
    }
    return given;
  }

  async #hashed(hash: string, { runId, seq }: RecordedOutput["origin"]): Promise<unknown> {
    const encoded = await this.#encoded({ hash, runId, seq });
    if (encoded) return this.#store.codec.decode(encoded);
    throw new HeddleError(
      "VALUE_MISSING",
      `The value ${hash.slice(0, 12)}… recorded in run "${runId}" up to event ${seq} is gone from the store. Execute its node again: replay it with \`rerun\`.`,
    );
  }

  /** What a store has under a hash, which is what was put there. @throws HeddleError `STORE_DAMAGED`. */
  async #encoded(at: ValueLocation): Promise<Encoded | undefined> {
    const encoded = await this.#store.getValue(at);
    if (!encoded || (await hasHash(encoded, at.hash))) return encoded;
    throw new HeddleError(
      "STORE_DAMAGED",
      `The value ${at.hash.slice(0, 12)}… recorded in run "${at.runId}" up to event ${at.seq} is not what was stored. Nothing was changed there. Execute its node again: replay it with \`rerun\`.`,
    );
  }
}

function failureAt(state: RunState, path: string, seq: number): Settled<never> {
  const error = outcomeAsOf(state.nodes.get(path), seq)?.error;
  return { status: "failed", path, error: errorOf(error ?? { name: "Error", message: "not recorded" }) };
}

/** There is no such run. */
export function notFound(runId: string): HeddleError {
  return new HeddleError(
    "RUN_NOT_FOUND",
    `There is no run "${runId}" in this store. listRuns() shows those there are.`,
  );
}

function neverGiven(runId: string, label: string, missing: readonly string[]): HeddleError {
  return new HeddleError(
    "INVALID_INPUT",
    `Run "${runId}" has no recorded input ${quoted(missing)} for source "${label}". Start a new run, or replay with \`inputs\`.`,
  );
}

/** True for inputs that a run need not be given: optional ones, and those whose schema accepts nothing. */
function mayBeAbsent(schema: AnySchema): boolean {
  if (isOptional(schema)) return true;
  if ((schema as { kind?: unknown }).kind === "type") return false;
  const checked = schema["~standard"].validate(undefined);
  if (!(checked instanceof Promise)) return !checked.issues;
  // An asynchronous schema was asked when the run began; what is absent now was accepted then.
  checked.catch(() => {});
  return true;
}
