// How far a failure reaches: the whole run, or one element of a map that collects errors.

/** What can be told to stop; kept in a chain through the items themselves. */
export interface Stoppable {
  previous: Stoppable | undefined;
  next: Stoppable | undefined;
  abort(reason: Error): void;
}

/** What made a scope fail: a path, and the composites around it inside the scope, innermost first. */
export interface ScopeFailure<C> {
  readonly path: string;
  readonly error: Error;
  readonly enclosing: readonly C[];
}

/** Knows all that is under way where one failure ends everything. `C` is a composite under way. */
export class Scope<C> {
  readonly parent: Scope<C> | undefined;
  failure: ScopeFailure<C> | undefined;
  /** Attempts and reads under way, those in inner scopes included. */
  active = 0;
  /** Composites under way, in elements only: those of the run itself end with it. */
  readonly open: Set<C> | undefined;
  /** Called when a failed scope has come to rest. */
  readonly #onFailed: ((failure: ScopeFailure<C>) => void) | undefined;
  #inner: Set<Scope<C>> | undefined;
  /** Running attempts: a chain, since adding and removing is on the path of every node. */
  #first: Stoppable | undefined;

  constructor(parent?: Scope<C>, onFailed?: (failure: ScopeFailure<C>) => void) {
    this.parent = parent;
    this.open = parent && new Set();
    this.#onFailed = onFailed;
    if (!parent) return;
    parent.#inner ??= new Set();
    parent.#inner.add(this);
  }

  /** True if this scope or one around it has failed: nothing in it may start. */
  get isFailing(): boolean {
    return this.failure !== undefined || this.parent?.isFailing === true;
  }

  /** Counts something that is under way. */
  enter(): void {
    this.active++;
    this.parent?.enter();
  }

  /** Counts that something has ended. */
  leave(): void {
    this.active--;
    if (this.failure && this.active === 0) this.#onFailed?.(this.failure);
    this.parent?.leave();
  }

  add(one: Stoppable): void {
    one.next = this.#first;
    if (this.#first) this.#first.previous = one;
    this.#first = one;
    this.enter();
  }

  remove(one: Stoppable): void {
    const { previous, next } = one;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    one.previous = undefined;
    one.next = undefined;
    this.leave();
  }

  /** Tells all attempts in this scope, and in those inside it, to stop. */
  abort(reason: Error): void {
    for (let one = this.#first; one; one = one.next) one.abort(reason);
    for (const inner of this.#inner ?? []) inner.abort(reason);
  }

  /** The composites under way in this scope and in those inside it. */
  allOpen(): C[] {
    return [...(this.open ?? []), ...[...(this.#inner ?? [])].flatMap((inner) => inner.allOpen())];
  }

  /** Ends the scope: whoever is around it forgets it. */
  close(): void {
    const { parent } = this;
    if (parent) parent.#inner?.delete(this);
  }
}
