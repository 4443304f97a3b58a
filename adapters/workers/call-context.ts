// The context of a call in a worker: the same for the function as the one inline.

import type { BaseContext } from "../../src/definition/context.js";
import { answerTo, type PauseRequest, pausedError } from "../../src/definition/pausing.js";
import type { AnySchema } from "../../src/definition/schema.js";
import { print } from "../../src/errors.js";
import type { Call, Remark } from "./protocol.js";

/** A call under way. */
export class Running {
  readonly call: Call;
  readonly #tell: (remark: Remark) => void;
  pause: PauseRequest | undefined;
  isOver = false;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(call: Call, tell: (remark: Remark) => void) {
    this.call = call;
    this.#tell = tell;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }

  requestPause(reason: string, payload: unknown, schema: AnySchema | undefined): unknown {
    const { fields, answers } = this.call;
    const [, , , path] = fields;
    const answer = answerTo({ path, answers }, reason, payload, schema);
    if ("value" in answer) return answer.value;
    this.pause = answer;
    throw pausedError(path, answer);
  }

  progress(done: number, total: number | undefined): void {
    if (!this.isOver) this.#tell({ kind: "progress", id: this.call.id, done, total });
  }

  log(message: unknown, data: unknown): void {
    if (!this.isOver) this.#tell({ kind: "log", id: this.call.id, message: print(message), data: asItIsNow(data) });
  }
}

/** What is told later must not change until then. */
function asItIsNow(data: unknown): unknown {
  if (typeof data !== "object" && typeof data !== "function") return data;
  try {
    return structuredClone(data);
  } catch {
    return print(data);
  }
}

/** Makes the context of a call: its fields, what `serve` was told to add, and the methods. */
export function contextOf(running: Running, extra: object | undefined): BaseContext {
  const context = new CallContext(running);
  return extra ? Object.assign(context, extra) : context;
}

class CallContext implements BaseContext {
  readonly #running: Running;
  readonly runId: string;
  readonly dag: string;
  readonly label: string;
  readonly path: string;
  readonly attempt: number;
  readonly epoch: number;
  readonly idempotencyKey: string;

  constructor(running: Running) {
    this.#running = running;
    [this.runId, this.dag, this.label, this.path, this.attempt, this.epoch, this.idempotencyKey] = running.call.fields;
  }

  get signal(): AbortSignal {
    return this.#running.signal;
  }

  get pause(): BaseContext["pause"] {
    const running = this.#running;
    return ((reason: string, payload?: unknown, schema?: AnySchema) =>
      running.requestPause(reason, payload, schema)) as BaseContext["pause"];
  }

  get progress(): BaseContext["progress"] {
    const running = this.#running;
    return (done, total) => running.progress(done, total);
  }

  get log(): BaseContext["log"] {
    const running = this.#running;
    return (message, data) => running.log(message, data);
  }
}
