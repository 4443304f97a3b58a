// What the command line needs of an example: its dag, what to feed it, and how to print what comes out.

import type { ContextNeeds, Dag, Edge, Nodes, SinkOutputs, SourceInputs } from "heddle";

/** A dag with its real inputs and a way to print its outputs. */
export interface Job<N extends Nodes = Nodes, E extends readonly Edge[] = readonly Edge[]> {
  /** What to call it on the command line: the name of its dag. */
  readonly name: string;
  readonly title: string;
  readonly dag: Dag<N, E>;
  /** What its nodes need of the platform. */
  readonly context: ContextNeeds<N> & object;
  inputs(): SourceInputs<N, E>;
  render(outputs: SinkOutputs<N, E>): string;
}

/** Declares a job. The compiler checks the inputs and the outputs against the dag, then forgets which dag it was. */
export function job<N extends Nodes, E extends readonly Edge[]>(declared: Omit<Job<N, E>, "name">): Job {
  return { name: declared.dag.name, ...declared };
}
