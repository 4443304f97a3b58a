// The inputs a run starts from: checked against the sources before anything is recorded, all complaints at once.

import type { Plan, Step } from "../definition/plan.js";
import { type AnySchema, accept } from "../definition/schema.js";
import { faultsError, HeddleError, quoted, toError } from "../errors.js";
import { copyAll } from "../isolate.js";
import type { GivenInputs } from "./recording.js";

type Values = Readonly<Record<string, unknown>>;

/**
 * Validates the inputs of all sources, or of the named ones only, on a copy made at once. Returns them by path.
 *
 * @throws HeddleError `INVALID_INPUT` with every fault found.
 */
export async function checkInputs(plan: Plan, inputs: Values, which: "all" | "named"): Promise<GivenInputs> {
  if (typeof inputs !== "object" || inputs === null) {
    throw new HeddleError(
      "INVALID_INPUT",
      `Expected the inputs for dag "${plan.dag}" to be an object, got ${typeof inputs}.`,
    );
  }
  const sources = new Map<string, Step>();
  for (const index of plan.sources) {
    const step = plan.steps[index] as Step;
    sources.set(step.label, step);
  }
  const faults = Object.keys(inputs).flatMap((label) => (sources.has(label) ? [] : [notASource(plan, sources, label)]));
  const checks: Promise<readonly [path: string, values: Values]>[] = [];
  for (const step of sources.values()) {
    const isNamed = Object.hasOwn(inputs, step.label);
    const isNeedy = which === "all" && Object.keys(step.node.input).length > 0;
    if (isNamed || isNeedy)
      checks.push(checkSource(step, isNamed ? copied(inputs[step.label], step, faults) : {}, faults));
  }
  const given = new Map(await Promise.all(checks));
  if (faults.length > 0) throw faultsError("INVALID_INPUT", `The inputs for dag "${plan.dag}" are not valid`, faults);
  return given;
}

function copied(values: unknown, { label }: Step, faults: string[]): unknown {
  try {
    return copyAll(values);
  } catch (error) {
    faults.push(`The inputs of source "${label}" cannot be copied: ${toError(error).message}. Give plain data.`);
    return {};
  }
}

function notASource(plan: Plan, sources: ReadonlyMap<string, Step>, label: string): string {
  const known = plan.steps.some((step) => step.label === label);
  const why = known ? "is fed by other nodes and takes no inputs from outside" : "is no node of this dag";
  return `"${label}" ${why}. The sources are ${quoted(sources.keys())}.`;
}

async function checkSource({ label, path, node }: Step, values: unknown, faults: string[]) {
  const names = quoted(Object.keys(node.input));
  if (typeof values !== "object" || values === null) {
    const got = values === null ? "null" : typeof values;
    faults.push(`The inputs of source "${label}" must be an object with ${names}, got ${got}.`);
    return [path, {}] as const;
  }
  const extra = Object.keys(values).filter((name) => !Object.hasOwn(node.input, name));
  if (extra.length > 0) faults.push(`Source "${label}" has no input ${quoted(extra)}. Its inputs are ${names}.`);
  const checked: Record<string, unknown> = {};
  const checks = Object.entries(node.input as Readonly<Record<string, AnySchema>>).map(async ([name, schema]) => {
    try {
      const value = await checkValue(label, name, schema, values as Values);
      if (value !== undefined || Object.hasOwn(values, name)) checked[name] = value;
    } catch (error) {
      faults.push(toError(error).message);
    }
  });
  await Promise.all(checks);
  return [path, checked] as const;
}

function checkValue(label: string, name: string, schema: AnySchema, values: Values): unknown {
  const isMissing = !Object.hasOwn(values, name);
  const refuse = (issues: string) => {
    const problem = isMissing ? "is missing" : "is not valid";
    return new HeddleError("INVALID_INPUT", `Input "${name}" of source "${label}" ${problem}: ${issues}.`);
  };
  // A nominal type accepts everything, also what was never given.
  if (isMissing && (schema as { kind?: unknown }).kind === "type") throw refuse("give it a value");
  return accept(schema, isMissing ? undefined : values[name], refuse);
}
