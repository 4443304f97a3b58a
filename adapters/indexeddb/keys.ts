// The keys of one namespace. Arrays sort part by part, and an array sorts after every text and number: it ends a range.

/** Makes keys and ranges of them. */
export class Keys {
  readonly namespace: string;

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  run(runId: string): [string, string] {
    return [this.namespace, runId];
  }

  /** All runs, or all values. */
  runs(): IDBKeyRange {
    return IDBKeyRange.bound([this.namespace], [this.namespace, []]);
  }

  batch(runId: string, seq: number): [string, string, number] {
    return [this.namespace, runId, seq];
  }

  /** The batches, or payloads, of a run that begin at these events. */
  batches(runId: string, from = 0, to = Number.POSITIVE_INFINITY): IDBKeyRange {
    return IDBKeyRange.bound([this.namespace, runId, from], [this.namespace, runId, to]);
  }

  value(hash: string): [string, string] {
    return [this.namespace, hash];
  }

  /** A hash as a key of an index whose keys are lists of texts. */
  hash(hash: string): string {
    return `${this.namespace}#${hash}`;
  }

  /** The hash in such a key. */
  hashIn(key: string): string {
    return key.slice(this.namespace.length + 1);
  }
}
