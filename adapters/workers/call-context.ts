// The context of a call in a worker: the same for the function as the one inline.

import type { BaseContext } from "../../src/definition/context.js";
import { answerTo, type PauseRequest, pausedError } from "../../src/definition/pausing.js";
import type { AnySchema } from "../../src/definition/schema.js";
import { print } from "../../src/errors.js";
import type { Call, Remark, RunOrder } from "./protocol.js";

/** A call under way. */
export class Running {
  readonly call: Call;
  readonly run: RunOrder;
  readonly #tell: (remark: Remark) => void;
  pause: PauseRequest | undefined;
  isOver = false;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(call: Call, run: RunOrder, tell: (remark: Remark) => void) {
    this.call = call;
    this.run = run;
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
    const [, , , , path, , , , answers] = this.call;
    const answer = answerTo({ path, answers }, reason, payload, schema);
    if ("value" in answer) return answer.value;
    this.pause = answer;
    throw pausedError(path, answer);
  }

  progress(done: number, total: number | undefined): void {
    if (!this.isOver) this.#tell(["progress", this.call[1], done, total]);
  }

  log(message: unknown, data: unknown): void {
    if (!this.isOver) this.#tell(["log", this.call[1], print(message), asItIsNow(data)]);
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

/** Made of getters since most functions never look. Methods may be taken apart. */
class CallContext implements BaseContext {
  readonly #running: Running;

  constructor(running: Running) {
    this.#running = running;
  }

  get runId(): string {
    return this.#running.run[1];
  }

  get dag(): string {
    return this.#running.run[3];
  }

  get label(): string {
    const [, , , , path, , , label = path] = this.#running.call;
    return label;
  }

  get path(): string {
    return this.#running.call[4];
  }

  get attempt(): number {
    return this.#running.call[5];
  }

  get epoch(): number {
    return this.#running.run[2];
  }

  get idempotencyKey(): string {
    return `${this.runId}/${this.path}`;
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
