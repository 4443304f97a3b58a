// The inputs a run starts from: checked against the sources before anything is recorded, all complaints at once.

import type { Plan, Step } from "../definition/plan.js";
import { type AnySchema, accept } from "../definition/schema.js";
import { faultsError, HeddleError, quoted, toError } from "../errors.js";
import { copyAll } from "./isolate.js";
import type { GivenInputs } from "./recording.js";

type Values = Readonly<Record<string, unknown>>;

/**
 * Validates the inputs of all sources, or of the named ones only, on a copy. Returns them by path.
 *
 * @throws HeddleError `INVALID_INPUT` with every fault found.
 */
export async function checkInputs(plan: Plan, inputs: Values, which: "all" | "named"): Promise<GivenInputs> {
  const sources = new Map(plan.steps.flatMap((step) => (step.upstream.length === 0 ? [[step.label, step]] : [])));
  const faults = Object.keys(inputs).flatMap((label) => (sources.has(label) ? [] : [notASource(plan, sources, label)]));
  const wanted = [...sources.values()].filter(({ label }) => Object.hasOwn(inputs, label) || which === "all");
  const given = new Map<string, Values>();
  const checks = wanted.map(async (step) => {
    const values = Object.hasOwn(inputs, step.label) ? inputs[step.label] : {};
    const checked = await checkSource(step, copyAll(values), faults);
    if (Object.keys(checked).length > 0) given.set(step.path, checked);
  });
  await Promise.all(checks);
  if (faults.length > 0) throw faultsError("INVALID_INPUT", `The inputs for dag "${plan.dag}" are not valid`, faults);
  return given;
}

function notASource(plan: Plan, sources: ReadonlyMap<string, Step>, label: string): string {
  const known = plan.steps.some((step) => step.label === label);
  const why = known ? "is fed by other nodes and takes no inputs from outside" : "is no node of this dag";
  return `"${label}" ${why}. The sources are ${quoted(sources.keys())}.`;
}

async function checkSource({ label, node }: Step, values: unknown, faults: string[]): Promise<Values> {
  if (typeof values !== "object" || values === null) {
    faults.push(
      `The inputs of source "${label}" must be an object with ${quoted(Object.keys(node.input))}, got ${values === null ? "null" : typeof values}.`,
    );
    return {};
  }
  const extra = Object.keys(values).filter((name) => !Object.hasOwn(node.input, name));
  if (extra.length > 0)
    faults.push(`Source "${label}" has no input ${quoted(extra)}. Its inputs are ${quoted(Object.keys(node.input))}.`);
  const entries = Object.entries(node.input as Readonly<Record<string, AnySchema>>).map(async ([name, schema]) => {
    const value = (values as Values)[name];
    const refuse = (issues: string) => {
      const missing = value === undefined && !Object.hasOwn(values, name) ? "is missing: " : "is not valid: ";
      return new HeddleError("INVALID_INPUT", `Input "${name}" of source "${label}" ${missing}${issues}.`);
    };
    try {
      return [[name, requirePresent(await accept(schema, value, refuse), Object.hasOwn(values, name), schema, refuse)]];
    } catch (error) {
      faults.push(toError(error).message);
      return [];
    }
  });
  const checked = (await Promise.all(entries)).flat() as [string, unknown][];
  return Object.fromEntries(checked.filter(([name, value]) => value !== undefined || Object.hasOwn(values, name)));
}

/** A nominal type accepts everything, also a value that was never given; only the input itself may say it is optional. */
function requirePresent(value: unknown, given: boolean, schema: AnySchema, refuse: (issues: string) => Error): unknown {
  if (!given && value === undefined && (schema as { kind?: string }).kind === "type") throw refuse("give it a value");
  return value;
}
