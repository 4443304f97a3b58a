// The part of @observablehq/runtime that the bench uses; the package has no types of its own.

declare module "@observablehq/runtime" {
  interface Observer {
    fulfilled(value: number, name: string): void;
    rejected(error: unknown, name: string): void;
  }
  interface Variable {
    define(name: string, inputs: readonly string[], definition: (...inputs: number[]) => Promise<number>): Variable;
  }
  export class Runtime {
    module(): { variable(observer: Observer | true): Variable };
  }
}
