// A replay takes values from the runs that made them. Each batch that does is linked under both: at the other run stands
// what it takes, so that this can be kept when that run goes, and at its own where to undo that.

import type { JournalEvent, Origin } from "../../src/events.js";
import type { Batch } from "../../src/ports.js";
import { isLinkInfo } from "./checks.js";
import type { Client } from "./client.js";
import { type Keys, nameOfKey, originNamed } from "./keys.js";
import type { Holding } from "./ownership.js";
import {
  beginningOf,
  beginningsIn,
  beginningsOf,
  type OwnedRecord,
  opened,
  type Records,
  recordsIn,
  type SharedRecord,
  sealed,
} from "./records.js";
import { unlessDamaged, type View } from "./runs.js";
import { type Values, valuesInfo } from "./values.js";

/** Tells of a hash, or of its beginning, whether somebody wants the value. */
export type IsWanted = (hash: string) => boolean;

/** So many hashes stand beside a link. */
const MOST_IN_LINK = 100;

/** One end of a link, and the key of the other. */
interface Link {
  readonly key: string;
  readonly record: OwnedRecord;
  readonly seq: number;
}

/** The links between runs of one namespace. */
export class Links {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #values: Values;
  readonly #nameInKey: (name: string) => Promise<string>;

  constructor(parts: { client: Client; keys: Keys; values: Values; nameInKey: (name: string) => Promise<string> }) {
    this.#client = parts.client;
    this.#keys = parts.keys;
    this.#values = parts.values;
    this.#nameInKey = parts.nameInKey;
  }

  /** Says, before a batch is written, from which other runs it takes values. */
  async add(held: Holding, { runId, seq, batch }: { runId: string; seq: number; batch: Batch }): Promise<void> {
    for (const originId of originsOf(batch.events, runId)) {
      const origin = await this.#nameInKey(originId);
      await this.#put(origin, held, seq, batch.refers);
    }
  }

  /** Which values of a run others want; nothing if it is none. */
  wantedIn({ shared }: Records): IsWanted | undefined {
    const all = shared.filter(({ kind }) => kind === "user").map(wantedBy);
    return all.length === 0 ? undefined : (hash) => all.some((isWanted) => isWanted(hash));
  }

  /** A run that is removed takes nothing from others any more: what stays there for it alone goes. */
  async cut({ run }: View, origins: readonly OwnedRecord[]): Promise<void> {
    for (const [origin, links] of this.#byOrigin(run, origins)) await this.#undo(origin, links);
  }

  /** A run that is pruned takes only these values from others any more. */
  async narrow(held: Holding, origins: readonly OwnedRecord[], keep: ReadonlySet<string>): Promise<void> {
    for (const [origin, links] of this.#byOrigin(held.run, origins)) {
      const { shared } = await this.#recordsOf(origin);
      const gone: Link[] = [];
      for (const link of links) {
        const user = shared.find(({ key }) => key === link.key);
        if (!user || isNoMoreThan(user, keep)) continue;
        const isWanted = wantedBy(user);
        const stays = [...keep].filter(isWanted);
        const key = stays.length > 0 ? await this.#put(origin, held, link.seq, stays) : undefined;
        if (key !== link.key) gone.push(link);
      }
      await this.#undo(origin, gone);
    }
  }

  /** Returns the key at the other run. */
  async #put(origin: string, { run, ...term }: Holding, seq: number, hashes: readonly string[]): Promise<string> {
    const link = this.#keys.link(origin, run, term, seq);
    await this.#client.put(link.origin, "", {});
    await this.#client.put(link.user, "", sealed(link.user, beginningsOf(hashes, MOST_IN_LINK)));
    return link.user;
  }

  /** One after the other, so that what is stopped goes on there: the last is found until nothing stays for it. */
  async #undo(origin: string, links: readonly Link[]): Promise<void> {
    for (const [i, { key, record }] of links.entries()) {
      await this.#client.delete([{ key }]);
      if (i === links.length - 1) await this.#sweep(origin, new Set(links.map((link) => link.key)));
      await this.#client.delete([record]);
    }
  }

  /** Removes what stays in a run for others and nobody wants any more. A list may still show the links that are gone. */
  async #sweep(origin: string, gone: ReadonlySet<string>): Promise<void> {
    const { shared, parts } = await this.#recordsOf(origin);
    const users = shared.filter(({ kind, key }) => kind === "user" && !gone.has(key)).map(wantedBy);
    const kept: SharedRecord[] = [];
    for (const record of shared.filter(({ kind }) => kind === "kept")) {
      const hashes = users.length > 0 ? await this.#beginningsAt(origin, record) : [];
      if (!users.some((isWanted) => hashes.some(isWanted))) kept.push(record);
    }
    const keys = new Set(kept.map(({ key }) => key));
    // Those of a value that is just being stored are not seen with it: they stay as long as somebody may want it.
    const rest = parts.filter(({ of, epoch }) => keys.has(of) || (users.length === 0 && epoch === undefined));
    await this.#client.delete([...kept, ...rest]);
  }

  /** None if what is kept there is damaged. */
  async #beginningsAt(origin: string, { key, metadata }: SharedRecord): Promise<readonly string[]> {
    const known = valuesInfo({ key, metadata })?.hashes;
    if (known !== undefined) return beginningsIn(known);
    const values = await unlessDamaged(this.#values.under(nameOfKey(origin) ?? origin, key));
    return [...(values?.keys() ?? [])].map(beginningOf);
  }

  async #recordsOf(run: string): Promise<Records> {
    return recordsIn(this.#client, this.#keys, await this.#client.list(this.#keys.run(run)));
  }

  /** The links of a run by where they lead to, each with its key there. */
  #byOrigin(run: string, origins: readonly OwnedRecord[]): ReadonlyMap<string, readonly Link[]> {
    const links = new Map<string, Link[]>();
    for (const record of origins) {
      const { seq, origin } = originNamed(record.name);
      const { user: key } = this.#keys.link(origin, run, record, seq);
      links.set(origin, [...(links.get(origin) ?? []), { key, record, seq }]);
    }
    return links;
  }
}

/** Which values a run wants of another: all, if that cannot be told. */
function wantedBy(user: SharedRecord): IsWanted {
  const info = opened(user);
  if (!isLinkInfo(info) || info.hashes === undefined) return () => true;
  const wanted = new Set(beginningsIn(info.hashes));
  return (hash) => wanted.has(beginningOf(hash));
}

/** True if a link is of nothing but these values. */
function isNoMoreThan(user: SharedRecord, keep: ReadonlySet<string>): boolean {
  const info = opened(user);
  if (!isLinkInfo(info) || info.hashes === undefined) return false;
  const kept = new Set([...keep].map(beginningOf));
  return beginningsIn(info.hashes).every((beginning) => kept.has(beginning));
}

/** The other runs from which events take values. */
function originsOf(events: readonly JournalEvent[], runId: string): ReadonlySet<string> {
  const origins = new Set<string>();
  const add = (origin: Origin | undefined) => origin && origin.runId !== runId && origins.add(origin.runId);
  for (const event of events) {
    if (event.type !== "node-reused") continue;
    add(event.from);
    for (const refs of Object.values(event.inputs)) for (const { origin } of refs) add(origin);
  }
  return origins;
}
