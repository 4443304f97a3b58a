// A replay takes values from the runs that made them. Each batch that does is linked under both: at the other run stands
// what it takes, so that this can be kept when that run goes, and at its own where to undo that.

import type { JournalEvent, Origin } from "../../src/events.js";
import type { Batch } from "../../src/ports.js";
import { isLinkInfo } from "./checks.js";
import type { Client } from "./client.js";
import { type Keys, nameOfKey, originNamed, type Term } from "./keys.js";
import type { Holding } from "./ownership.js";
import {
  allBeginningsOf,
  beginningOf,
  beginningsIn,
  infoOf,
  type OwnedRecord,
  putInfo,
  type Records,
  recordsIn,
  type SharedRecord,
} from "./records.js";
import { unlessDamaged, type View } from "./runs.js";
import { type Values, valuesInfo } from "./values.js";

/** Tells of a hash whether somebody wants the value. */
export type IsWanted = (hash: string) => boolean;

/** Where a link belongs: a batch of a run. */
interface LinkPlace extends Term {
  readonly run: string;
  readonly seq: number;
}

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
      await this.#put(origin, { ...held, seq }, allBeginningsOf(batch.refers));
    }
  }

  /** Which values of a run others want; nothing if it is none. */
  async wantedIn({ shared }: Records): Promise<IsWanted | undefined> {
    const users = shared.filter(({ kind }) => kind === "user");
    if (users.length === 0) return undefined;
    const wanted = new Set<string>();
    for (const user of users) {
      const beginnings = await this.#wantedBy(user);
      // It cannot be told: then all.
      if (!beginnings) return () => true;
      for (const beginning of beginnings) wanted.add(beginning);
    }
    return (hash) => wanted.has(beginningOf(hash));
  }

  /** A run that is removed takes nothing from others any more: what stays there for it alone goes. */
  async cut({ run }: View, origins: readonly OwnedRecord[]): Promise<void> {
    for (const [origin, links] of this.#byOrigin(run, origins)) {
      await this.#client.delete(links.map(({ key }) => ({ key })));
      await this.#sweep(origin, new Set(links.map(({ key }) => key)));
      await this.#client.delete(links.map(({ record }) => record));
    }
  }

  /** A run that is pruned takes only these values from others any more. */
  async narrow(held: Holding, origins: readonly OwnedRecord[], keep: ReadonlySet<string>): Promise<void> {
    const kept = new Set([...keep].map(beginningOf));
    for (const [origin, links] of this.#byOrigin(held.run, origins)) {
      const gone = new Set<string>();
      const { shared } = await this.#recordsOf(origin);
      for (const { key, record, seq } of links) {
        const user = shared.find((one) => one.key === key);
        const wanted = user && (await this.#wantedBy(user));
        const stays = wanted?.filter((beginning) => kept.has(beginning));
        if (!stays || stays.length === wanted?.length) continue;
        if (stays.length > 0) await this.#put(origin, { ...held, seq }, stays.join(""));
        await this.#client.delete([{ key }, record]);
        gone.add(key);
      }
      if (gone.size > 0) await this.#sweep(origin, gone);
    }
  }

  async #put(origin: string, { run, seq, ...term }: LinkPlace, hashes: string): Promise<void> {
    const link = this.#keys.link(origin, run, term, seq);
    await this.#client.put(link.origin, "", {});
    await putInfo(this.#client, link.user, { hashes });
  }

  /** Removes what stays in a run for others and nobody wants any more. A list may still show the links that are gone. */
  async #sweep(origin: string, gone: ReadonlySet<string>): Promise<void> {
    const { shared, parts } = await this.#recordsOf(origin);
    const users = shared.filter(({ kind, key }) => kind === "user" && !gone.has(key));
    let kept = shared.filter(({ kind }) => kind === "kept");
    for (const user of users) {
      if (kept.length === 0) return;
      const wanted = new Set(await this.#wantedBy(user));
      if (wanted.size === 0) return;
      const isWanted = await Promise.all(
        kept.map(async (one) => (await this.#beginningsAt(origin, one)).some((hash) => wanted.has(hash))),
      );
      kept = kept.filter((_, i) => !isWanted[i]);
    }
    const keys = new Set(kept.map(({ key }) => key));
    // Those of a value that is just being stored are not seen with it: they stay as long as somebody may want it.
    const rest = parts.filter(({ of, epoch }) => keys.has(of) || (users.length === 0 && epoch === undefined));
    await this.#client.delete([...kept, ...rest]);
  }

  /** Nothing if it cannot be told. */
  async #wantedBy(user: SharedRecord): Promise<readonly string[] | undefined> {
    const info = await infoOf(this.#client, user);
    return isLinkInfo(info) ? beginningsIn(info.hashes) : undefined;
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
