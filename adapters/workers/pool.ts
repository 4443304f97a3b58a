// Workers, and who of them does what. A free worker is always taken first; behind a busy one only what is known to be
// short, and only behind what is known to be short.

import { HeddleError, toError } from "../../src/errors.js";
import type { Task } from "../../src/ports.js";
import { type Cost, FairQueue, Flight } from "./flight.js";
import { Member, type MemberHost, type Spawn } from "./member.js";
import type { Hello } from "./protocol.js";

/** How a pool works; all optional. */
export interface PoolOptions {
  /** The most workers. Default: one for each processor. */
  readonly size?: number;
  /** After so many milliseconds without work a worker is ended. Default 10,000. */
  readonly idleMs?: number;
  /** So many milliseconds a function has to end by itself when it is aborted; then its worker is. Default 100. */
  readonly graceMs?: number;
}

/** The most milliseconds of short calls that one worker is given at a time: enough to be worth a message. */
const STACKED_MS = 1;
/** The most of them: what a message costs to make is not known. */
const STACKED_CALLS = 512;
/** A worker that says nothing for so many milliseconds is in the middle of a call. */
const SILENT_MS = 10;
/** So many workers may die one after the other without having done anything. */
const FUTILE_DEATHS = 3;
/** So many workers may die under a call that is not known to be guilty. */
const DEATHS_OF_ONE = 3;

/** A pool of workers that all serve the same. */
export class Pool implements MemberHost {
  readonly #spawn: Spawn;
  readonly #size: number;
  readonly #idleMs: number;
  readonly #graceMs: number;
  readonly #members = new Set<Member>();
  readonly #queue = new FairQueue();
  readonly #greeted: { resolve(hello: Hello): void; reject(error: unknown): void }[] = [];
  #hello: Hello | undefined;
  #nextId = 0;
  /** Who was given work last. Two that are free take turns: one that has just ended may not sleep yet, and then wakes later. */
  #last: Member | undefined;
  #futileDeaths = 0;
  #watching: ReturnType<typeof setTimeout> | undefined;
  #releasing: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(spawn: Spawn, { size, idleMs, graceMs }: Required<PoolOptions>) {
    this.#spawn = spawn;
    this.#size = size;
    this.#idleMs = idleMs;
    this.#graceMs = graceMs;
  }

  /** What the workers serve: the first is started if none has said it yet. @throws HeddleError `WORKER_DIED`, `POOL_CLOSED`. */
  hello(): Hello | Promise<Hello> {
    if (this.#isClosed) return Promise.reject(closed());
    if (this.#hello) return this.#hello;
    return new Promise((resolve, reject) => {
      this.#greeted.push({ resolve, reject });
      if (this.#members.size === 0) this.#start();
    });
  }

  /** Starts all workers, and waits for them. */
  async warmUp(): Promise<void> {
    while (!this.#isClosed && this.#members.size < this.#size && this.#start());
    await Promise.all(Array.from(this.#members, ({ started }) => started));
    await this.hello();
  }

  /** Runs a task in a worker. */
  run(task: Task, key: string, cost: Cost): Promise<unknown> {
    // Ids stay in what a worker can show; those of calls under way differ.
    this.#nextId = (this.#nextId + 1) & 0x7fffffff;
    const flight = new Flight(this.#nextId, task, key, cost);
    if (this.#isClosed) flight.reject(closed());
    else task.onAbort((reason) => this.#abort(flight, reason));
    if (!flight.isOver) this.#place(flight);
    return flight.settled;
  }

  /** Ends all workers. What they were doing fails. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#watching);
    clearTimeout(this.#releasing);
    const flights = [...this.#members].flatMap((member) => member.kill());
    this.#members.clear();
    for (const flight of [...flights, ...this.#queue.clear()]) flight.reject(closed());
    for (const { reject } of this.#greeted.splice(0)) reject(closed());
  }

  // ---- what members tell

  ready(member: Member): void {
    const hello = member.hello as Hello;
    this.#hello ??= hello;
    if (JSON.stringify(hello.served) !== JSON.stringify(this.#hello.served)) {
      const message = "A new worker serves other nodes than the ones before: its file was built anew. Reload.";
      return member.died(new HeddleError("WORKER_MISMATCH", message), true);
    }
    for (const { resolve } of this.#greeted.splice(0)) resolve(this.#hello);
    this.#pump();
  }

  freed(member: Member): void {
    this.#futileDeaths = 0;
    const { running } = member;
    if (running?.aborted) this.#graceOf(running, member);
    this.#pump();
    if (member.isUnused) this.#releaseLater();
  }

  died(member: Member, error: Error, isStray: boolean): void {
    this.#members.delete(member);
    const guilty = isStray ? undefined : member.running;
    const innocent = member.flights.filter((flight) => flight !== guilty);
    if (guilty) guilty.reject(died(guilty, error));
    else {
      // No call fails with it.
      if (member.hello) console.warn("A worker died:", error);
      if (innocent.length === 0) this.#futileDeaths++;
    }
    for (const flight of innocent.reverse()) {
      flight.deaths++;
      if (flight.isRepeatable && flight.deaths < DEATHS_OF_ONE) this.#requeue(flight);
      else flight.reject(died(flight, error));
    }
    if (this.#futileDeaths >= FUTILE_DEATHS || error instanceof HeddleError) this.#giveUp(error);
    else if (this.#greeted.length > 0 && this.#members.size === 0) this.#start();
    this.#pump();
  }

  // ---- who does what

  /** Gives it to a worker at once, if nobody waits and one takes it. */
  #place(flight: Flight): void {
    if (this.#members.size === 0) {
      // One must be started first; if that fails, it fails what waits.
      this.#queue.push(flight);
      return this.#pump();
    }
    const member = this.#queue.isEmpty ? this.#memberFor(flight) : undefined;
    if (member) this.#give(member, flight);
    else this.#queue.push(flight);
    this.#watch();
  }

  #pump(): void {
    for (let flight = this.#queue.next; flight; flight = this.#queue.next) {
      const member = this.#memberFor(flight);
      if (!member) break;
      this.#queue.take();
      this.#give(member, flight);
    }
    this.#watch();
  }

  #give(member: Member, flight: Flight): void {
    this.#last = member;
    member.give(flight);
  }

  #memberFor(flight: Flight): Member | undefined {
    let best: Member | undefined;
    let shared: Member | undefined;
    let last: Member | undefined;
    let isStarting = false;
    for (const member of this.#members) {
      if (!member.hello) isStarting = true;
      else if (member.isStuck) continue;
      else if (member.busyCount === 0) {
        if (!(flight.isRepeatable ? member.onceOnly === 0 : member.isUnused)) shared = member;
        else if (member !== this.#last) return member;
        else last = member;
      } else if (!best || member.loadMs < best.loadMs) best = member;
    }
    if (last) return last;
    if (this.#members.size < this.#size) isStarting ||= this.#start();
    // What cannot run again stands beside others, who may end its worker, only where all workers have something to do.
    if (shared && !isStarting) return shared;
    return best && fits(flight, best) ? best : undefined;
  }

  #memberWith(flight: Flight): Member | undefined {
    for (const member of this.#members) if (member.has(flight)) return member;
    return undefined;
  }

  /** False if there can be no worker. */
  #start(): boolean {
    try {
      this.#members.add(new Member(this, this.#spawn));
      return true;
    } catch (error) {
      this.#giveUp(toError(error));
      return false;
    }
  }

  /** Looks, as long as calls wait behind others in a worker, whether they wait for nothing. */
  #watch(): void {
    if (this.#watching !== undefined) return;
    let needsWatch = false;
    for (const { busyCount, isStuck } of this.#members) needsWatch ||= busyCount > 1 || isStuck;
    if (!needsWatch) return;
    this.#watching = setTimeout(() => {
      this.#watching = undefined;
      for (const member of this.#members) this.#look(member);
      this.#pump();
    }, SILENT_MS);
  }

  #look(member: Member): void {
    const silentMs = member.silentLooks++ * SILENT_MS;
    // It has begun since it was aborted, and could not say so.
    if (member.running?.aborted) this.#graceOf(member.running, member);
    if (member.busyCount > 1 && silentMs > 0 && !member.isStuck) {
      // It may not be timed, and others are not to stand behind its like again.
      const cost = member.running?.cost;
      if (cost) cost.ms = Math.max(cost.ms ?? 0, silentMs);
      for (const flight of member.recall().reverse()) this.#requeue(flight);
    } else if (member.isStuck && member.isUnused && silentMs > this.#graceMs) {
      // It had begun what was recalled, and nobody waits for that any more.
      this.#members.delete(member);
      member.kill();
    }
  }

  #requeue(flight: Flight): void {
    if (flight.aborted) flight.reject(flight.aborted.reason);
    else this.#queue.pushFront(flight);
  }

  // ---- the end of calls, and of workers

  #abort(flight: Flight, reason: unknown): void {
    if (flight.isOver) return;
    flight.aborted = { reason };
    const member = this.#memberWith(flight);
    if (member) {
      member.abort(flight, reason);
      this.#graceOf(flight, member);
    } else {
      flight.reject(reason);
    }
  }

  /** Gives an aborted call some time, once it runs. */
  #graceOf(flight: Flight, { running }: Member): void {
    if (flight.grace !== undefined || !(flight.waits || flight === running)) return;
    flight.grace = setTimeout(() => this.#kill(flight), this.#graceMs);
  }

  /** Ends the worker of a call that does not end by itself. */
  #kill(flight: Flight): void {
    const member = this.#memberWith(flight);
    if (!member) return;
    this.#members.delete(member);
    const { path } = flight.task.context;
    const message = `The function of node "${path}" did not end when it was aborted, so its worker was ended after ${this.#graceMs} ms.`;
    const killed = new HeddleError("KILLED", message, { cause: flight.aborted?.reason });
    for (const one of member.kill().toReversed()) {
      if (one === flight) one.reject(killed);
      else if (one.isRepeatable) this.#requeue(one);
      else one.reject(died(one, killed));
    }
    this.#pump();
  }

  /** All that waits fails; what comes later may try again. */
  #giveUp(error: Error): void {
    this.#futileDeaths = 0;
    const message = `A worker died before it could do anything: ${error.message}.`;
    const given = error instanceof HeddleError ? error : new HeddleError("WORKER_DIED", message, { cause: error });
    for (const { reject } of this.#greeted.splice(0)) reject(given);
    const isServed = [...this.#members].some(({ hello }) => hello);
    if (!isServed) for (const flight of this.#queue.clear()) flight.reject(given);
  }

  #releaseLater(): void {
    if (this.#releasing !== undefined) return;
    this.#releasing = setTimeout(() => {
      this.#releasing = undefined;
      for (const member of this.#members) {
        const isIdle = member.isUnused && member.hello && !member.wasUsed;
        member.wasUsed = !member.isUnused;
        if (!isIdle) continue;
        member.kill();
        this.#members.delete(member);
      }
      if (this.#members.size > 0) this.#releaseLater();
    }, this.#idleMs);
    (this.#releasing as { unref?(): void }).unref?.();
  }
}

/** True if a call may stand behind others. */
function fits({ cost, isLight }: Flight, { loadMs, busyCount }: Member): boolean {
  return cost.ms !== undefined && isLight && busyCount < STACKED_CALLS && loadMs + cost.ms <= STACKED_MS;
}

/** What becomes of a call whose worker has died. */
function died({ task }: Flight, error: Error): HeddleError {
  const message = `A worker died while it ran node "${task.context.path}": ${error.message}.`;
  return new HeddleError("WORKER_DIED", message, { cause: error });
}

function closed(): HeddleError {
  return new HeddleError("POOL_CLOSED", "The pool of workers was closed. Make another one.");
}
