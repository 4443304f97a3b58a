// A node: one function with named, typed inputs and one output. Plain frozen data; nothing runs here.

import { HeddleError, quoted } from "../errors.js";
import { expectCount, expectNumber } from "../expect.js";
import type { Context } from "./context.js";
import { type AnySchema, type InputOf, isOptional, isSchema, type OutputOf } from "./schema.js";

/** The declared inputs of a node: a schema per name. */
export type Inputs = Readonly<Record<string, AnySchema>>;

/** What a node's function receives: a value per input; an unfed `optional` is `undefined`. */
export type Received<I extends Inputs> = { readonly [K in keyof I]: OutputOf<I[K]> };

/** When and how often a failed attempt is tried again. Delays grow by `factor` from `delayMs` up to `maxDelayMs`. */
export interface Retry {
  /** Tries in all, the first one included: a number from 1 and up. */
  readonly attempts: number;
  /** Milliseconds before the second try. Default 0. */
  readonly delayMs?: number;
  /** What the delay is multiplied by at each further try. Default 2. */
  readonly factor?: number;
  /** The longest delay in milliseconds. Default 30,000. */
  readonly maxDelayMs?: number;
  /** The share of a delay that is varied at random, from 0 to 1, so that many runs do not retry in step. Default 0. */
  readonly jitter?: number;
  /** Decides whether this error is worth another try. Default: every error is. */
  readonly when?: (error: Error, attempt: number) => boolean;
}

/** How a node is run and recorded; all optional. */
export interface NodeOptions {
  /** Names the behaviour of `run`. A changed version makes the dag a changed dag for restart and replay. */
  readonly version?: string;
  /** Always run on the event loop, also where the executor has workers. */
  readonly inline?: boolean;
  /** Always run in a worker, if it is asynchronous too; where none serves it, the attempt fails. */
  readonly worker?: boolean;
  /**
   * Moves the ArrayBuffers, ImageBitmaps, streams and ports in its output over the borders of workers instead of copying
   * them: out of the worker always, and into that of its last consumer if that has no try left. What is recorded stays.
   */
  readonly transfer?: boolean;
  /** Try again after a failure. Default: one try. */
  readonly retry?: Retry;
  /**
   * Milliseconds an attempt may take before it fails with code `TIMEOUT` and `ctx.signal` is aborted. Synchronous
   * code that runs inline cannot be interrupted: it completes, and by how much it overran is recorded.
   */
  readonly timeoutMs?: number;
  /**
   * The function acts on the outside world: it starts only after its start is stored. If it then neither completed nor
   * failed, restart runs it again with the same `ctx.idempotencyKey`; with `"ask"` the run pauses and asks first.
   */
  readonly effect?: boolean | "ask";
  /** Check what the function returns against `output`; consumers get the validated value. */
  readonly validate?: boolean;
  /** Hand the output to consumers as it is, never cloned: it is then for the consumers to leave it alone. */
  readonly share?: boolean;
}

/**
 * The immutable definition of one node, made by {@link node}. `C` is what its function needs of `ctx` beyond the
 * built-in fields.
 */
export interface Node<I extends Inputs = Inputs, O extends AnySchema | undefined = AnySchema | undefined, C = unknown>
  extends NodeOptions {
  readonly kind: "node";
  readonly input: I;
  readonly output: O;
  // biome-ignore lint/suspicious/noExplicitAny: the typed form is checked in `node`; here it would only add variance.
  readonly run: (input: any, ctx: any) => unknown;
  /** Types only, never set. */
  readonly "~context"?: (need: C) => void;
}

// biome-ignore lint/suspicious/noExplicitAny: a node of any types.
export type AnyNode = Node<any, any, any>;

type Returned<O, V> = O extends AnySchema ? (V extends true ? InputOf<O> : OutputOf<O>) : unknown;

interface Definition<I extends Inputs, O extends AnySchema | undefined, C, V> extends NodeOptions {
  readonly input?: I;
  readonly output?: O;
  readonly run: (input: Received<I>, ctx: Context<C>) => Returned<O, V> | Promise<Returned<O, V>>;
  readonly validate?: V & boolean;
}

/**
 * Defines a node. `run` gets the inputs by name and a {@link Context}; without `output` the node only orders its
 * downstream and what it returns is dropped.
 *
 * @throws HeddleError `INVALID_OPTION` naming the option.
 */
export function node<
  const I extends Inputs = Record<never, AnySchema>,
  O extends AnySchema | undefined = undefined,
  C = unknown,
  V extends boolean = false,
>(definition: Definition<I, O, C, V>): Node<NoInfer<I>, NoInfer<O>, NoInfer<C>> {
  checkDefinition(definition as Loose);
  const {
    input = {} as I,
    output,
    run,
    version,
    inline,
    worker,
    transfer,
    retry,
    timeoutMs,
    effect,
    validate,
    share,
  } = definition;
  // Not by spreading: V8 gives every frozen copy that a spread made a hidden class of its own (measured with Node 20),
  // and reading fields of such nodes takes a run five times as long.
  const own = Object.freeze(Object.assign({}, input)) as I;
  const rest = { retry, timeoutMs, effect, validate, share };
  const fields = { input: own, output, run, version, inline, worker, transfer, ...rest };
  return Object.freeze(Object.assign({ kind: "node" }, fields)) as Node<NoInfer<I>, NoInfer<O>, NoInfer<C>>;
}

const RETRY_OPTIONS = new Set("attempts delayMs factor maxDelayMs jitter when".split(" "));
const OPTIONS = new Set(
  "input output run version inline worker transfer retry timeoutMs effect validate share".split(" "),
);

type Loose = NodeOptions & { readonly input?: Inputs; readonly output?: AnySchema | undefined; readonly run: unknown };

function checkDefinition(definition: Loose): void {
  const { input = {}, output, run, retry, timeoutMs, effect } = definition;
  const unknown = Object.keys(definition).filter((key) => !OPTIONS.has(key));
  if (unknown.length > 0) throw invalid(`Unknown node option ${quoted(unknown)}. Known are ${[...OPTIONS].join(", ")}`);
  if (typeof run !== "function") throw invalid("Expected `run` of a node to be a function");
  if (isSchema(input)) throw invalid("`input` is itself a schema. Write { name: schema }");
  for (const [name, schema] of Object.entries(input)) {
    if (!isSchema(schema)) throw invalid(`Expected input "${name}" to be a Standard Schema, e.g. type("Name")`);
  }
  if (output !== undefined && !isSchema(output)) throw invalid("Expected `output` to be a Standard Schema");
  if (output && isOptional(output)) throw invalid("An output cannot be optional(…): only inputs may stay unfed");
  if (definition.validate && !output) throw invalid("`validate` needs an `output` to validate against");
  if (![undefined, true, false, "ask"].includes(effect))
    throw invalid(`Expected \`effect\` to be true, false or "ask", got \`${effect}\``);
  if (timeoutMs !== undefined) expectNumber("timeoutMs", timeoutMs, 0);
  if (retry) checkRetry(retry);
}

function checkRetry(retry: Retry): void {
  if (typeof retry !== "object") throw invalid(`Expected \`retry\` to be { attempts: ${retry} }, got ${retry}`);
  const unknown = Object.keys(retry).filter((key) => !RETRY_OPTIONS.has(key));
  if (unknown.length > 0) {
    throw invalid(`Unknown retry option ${quoted(unknown)}. Known are ${[...RETRY_OPTIONS].join(", ")}`);
  }
  if (retry.when !== undefined && typeof retry.when !== "function")
    throw invalid("Expected `retry.when` to be a function");
  expectCount("retry.attempts", retry.attempts);
  expectNumber("retry.delayMs", retry.delayMs ?? 0, 0);
  expectNumber("retry.factor", retry.factor ?? 2, 0);
  expectNumber("retry.maxDelayMs", retry.maxDelayMs ?? 0, 0);
  expectNumber("retry.jitter", retry.jitter ?? 0, 0, 1);
}

function invalid(message: string): HeddleError {
  return new HeddleError("INVALID_OPTION", `${message}.`);
}
