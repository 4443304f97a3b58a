// Tests made of zod schemas, for the hundred thousand events of a restart: zod itself makes two objects per field that it
// looks at, and its compiler needs `new Function`, which workerd and the pages of careful people forbid.

import type { ZodMiniType } from "zod/mini";

type Test = (value: unknown) => boolean;

/** What heddle's schemas are made of; zod documents `_zod.def` for those who read schemas. */
interface Definition {
  readonly type: string;
  readonly checks?: readonly unknown[];
  readonly fn?: Test;
  readonly element?: ZodMiniType;
  readonly items?: readonly ZodMiniType[];
  readonly rest?: unknown;
  readonly innerType?: ZodMiniType;
  readonly shape?: Readonly<Record<string, ZodMiniType>>;
  readonly catchall?: ZodMiniType;
}

/** The tests made so far: schemas share their parts. */
type Known = Map<ZodMiniType, Test>;

/** Makes a test that is true for what a schema accepts as it is. What it cannot make of its own is left to zod. */
export function acceptsOf(schema: ZodMiniType, known: Known = new Map()): Test {
  const test = known.get(schema) ?? ownTest(schema, known) ?? ((value) => schema.safeParse(value).success);
  known.set(schema, test);
  return test;
}

function ownTest(schema: ZodMiniType, known: Known): Test | undefined {
  if (schema._zod.def.checks?.length) return undefined;
  const { type, fn, element, items, rest, shape, catchall } = schema._zod.def as Definition;
  switch (type) {
    case "custom":
      return fn;
    case "string":
    case "boolean":
      return (value) => typeof value === type;
    case "literal":
    case "enum": {
      const { values } = schema._zod;
      return values && ((value) => values.has(value as string));
    }
    case "array": {
      const accepts = acceptsOf(element as ZodMiniType, known);
      return (value) => Array.isArray(value) && value.every(accepts);
    }
    case "tuple":
      return rest ? undefined : tupleTest((items ?? []).map((item) => acceptsOf(item, known)));
    case "object":
      return isNever(catchall) ? objectTest(shape ?? {}, known) : undefined;
  }
  return undefined;
}

function isNever(catchall: ZodMiniType | undefined): boolean {
  return catchall?._zod.def.type === "never";
}

function tupleTest(tests: readonly Test[]): Test {
  return (value) =>
    Array.isArray(value) && value.length === tests.length && tests.every((accepts, i) => accepts(value[i]));
}

/** A strict object: no field too few, and none too many. */
function objectTest(shape: Readonly<Record<string, ZodMiniType>>, known: Known): Test {
  const fields = Object.entries(shape).map(([key, schema]) => fieldOf(key, schema, known));
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    let present = 0;
    for (const { key, accepts, isOptional } of fields) {
      const field = (value as Record<string, unknown>)[key];
      if (field === undefined && !Object.hasOwn(value, key)) {
        if (isOptional) continue;
        return false;
      }
      if (!accepts(field)) return false;
      present++;
    }
    for (const _ in value) present--;
    return present === 0;
  };
}

function fieldOf(key: string, schema: ZodMiniType, known: Known) {
  const { type, innerType } = schema._zod.def as Definition;
  const isOptional = type === "optional";
  return { key, accepts: acceptsOf(isOptional && innerType ? innerType : schema, known), isOptional };
}
