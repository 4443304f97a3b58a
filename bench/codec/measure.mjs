// Which kept library should carry heddle's value codec?
//   npm run measure            all tables, as markdown (about 1 minute)
//   npm run measure -- quick   fewer timing rounds
// Every table is printed from what was measured in this run; nothing is typed in by hand.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import { gzipSync } from "node:zlib";

// Compare the portable builds: no native add-ons, as in a browser or workerd.
process.env.CBOR_NATIVE_ACCELERATION_DISABLED = process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED = "true";
const [d6, d5, { default: SuperJSON }, sv, uc, uj, { NJSON }, { Typeson }, tr, cx, mp] = await Promise.all(
  [
    "devalue",
    "devalue5",
    "superjson",
    "seroval",
    "@ungap/structured-clone",
    "@ungap/structured-clone/json",
    "next-json",
    "typeson",
    "typeson-registry",
    "cbor-x",
    "msgpackr",
  ].map((name) => import(name)),
);

// ---- devalue as it would be used: Error + binary side list + one class, and optionally a strict guard ----
class Point {
  constructor(x, y) {
    this.x = x;
    this.y = y;
  }
}
const ERRORS = Object.fromEntries(
  [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError].map((E) => [
    E.name,
    E,
  ]),
);
const PLAIN = [Object.prototype, null];

const tagOf = (v) => Object.prototype.toString.call(v).slice(8, -1);
/** `bins` receives each ArrayBuffer once. Views need no reducer: devalue flattens `view.buffer` through this one. */
const reducers = (bins) => ({
  ArrayBuffer: (v) => typeof v === "object" && tagOf(v) === "ArrayBuffer" && bins.push(v), // 1-based: the result must be truthy
  Error: (v) => {
    if (!(v instanceof Error)) return;
    const type = Object.keys(ERRORS).find((k) => ERRORS[k].prototype === Object.getPrototypeOf(v));
    if (!type || Object.getOwnPropertySymbols(v).length) return; // a subclass: devalue refuses it, with its path
    const names = [...new Set(["stack", ...Object.getOwnPropertyNames(v)])]; // Firefox inherits `stack`
    const props = Object.fromEntries(names.map((k) => [k, v[k]]));
    return { type, hidden: names.filter((k) => !Object.prototype.propertyIsEnumerable.call(v, k)), props };
  },
  Point: (v) => v instanceof Point && { x: v.x, y: v.y },
});
/** devalue revives a payload that lies on a cycle twice (first half-filled): hand out one shell per payload. */
const revivers = (bins) => {
  const shells = new WeakMap();
  const shell = (payload, make) => shells.get(payload) ?? (shells.set(payload, make()), shells.get(payload));
  const define = (o, k, value, enumerable) =>
    Object.defineProperty(o, k, { value, enumerable, writable: true, configurable: true });
  return {
    ArrayBuffer: (n) => bins[n - 1],
    Error: (p) => {
      const e = shell(p, () => (p.type === "AggregateError" ? new AggregateError([]) : new ERRORS[p.type]()));
      if (!p.props) return e; // inner call of a cycle: the outer call fills it
      for (const k of Object.getOwnPropertyNames(e)) delete e[k];
      for (const [k, value] of Object.entries(p.props)) define(e, k, value, !p.hidden.includes(k));
      return e;
    },
    Proto: (p) =>
      p.reduce(
        (o, kv) => (kv.length > 1 ? define(o, kv[0], kv[1], true) : o),
        shell(p, () => Object.create(p[0][0] ? null : Object.prototype)),
      ),
    Point: (p) =>
      Object.assign(
        shell(p, () => new Point()),
        p,
      ),
  };
};
/** A fourth reducer, with `strict` only: objects that own a "__proto__" key, which devalue refuses. */
const ownProto = {
  Proto: (v) =>
    typeof v === "object" &&
    v &&
    Object.hasOwn(v, "__proto__") &&
    PLAIN.includes(Object.getPrototypeOf(v)) && [[Object.getPrototypeOf(v) === null], ...Object.entries(v)],
};
/** Turns what devalue would change in silence (subclasses, extra or hidden own keys) into a DevalueError with its path. */
const strict = {
  tagOf: (v) => {
    const tag = tagOf(v);
    if (tag === "Object") return tag;
    const exact = Object.getPrototypeOf(v) === globalThis[tag]?.prototype;
    if (
      !exact ||
      (ArrayBuffer.isView(v) ? false : Array.isArray(v) ? extra(v) : Reflect.ownKeys(v).length > (tag === "RegExp"))
    )
      return "refused";
    return tag;
  },
  shapeOf: (v) => {
    const proto = Object.getPrototypeOf(v);
    const keys = Object.keys(v);
    if (!PLAIN.includes(proto) || Reflect.ownKeys(v).length !== keys.length) return { kind: "not-plain" };
    return { kind: proto ? "plain" : "null-proto", keys };
  },
};
const extra = (array) => Number.isNaN(Number(Object.keys(array).at(-1) ?? 0));
const withBins = (stringify, parse, options, more) => ({
  write: (v) => {
    const bins = [];
    return { text: stringify(v, { ...reducers(bins), ...more }, options), bins };
  },
  read: ({ text, bins }) => parse(text, revivers(bins)),
});

// ---- the candidates, each in the most faithful configuration it offers ----
const superjson = new SuperJSON();
superjson.allowErrorProps("stack", "code", "detail");
const typeson = new Typeson().register(tr.structuredCloningThrowing);
const svBin = (bins) => ({
  plugins: [
    sv.createPlugin({
      tag: "bin",
      test: (v) => v instanceof ArrayBuffer,
      parse: { sync: (v, c) => ({ n: c.parse(bins.push(v) - 1) }) },
      serialize() {
        throw new Error("unused");
      },
      deserialize: (node, c) => bins[c.deserialize(node.n)],
    }),
  ],
});
const cbor = new cx.Encoder({ structuredClone: true });
const pack = new mp.Packr({ structuredClone: true, moreTypes: true });
const { stringify: J, parse: P } = JSON;
const LIBS = {
  JSON: { write: J, read: P },
  "devalue 6": { write: (v) => d6.stringify(v), read: (s) => d6.parse(s) },
  "devalue 6 +reducers": withBins(d6.stringify, d6.parse),
  "devalue 6 +reducers +strict": withBins(d6.stringify, d6.parse, { operations: strict }, ownProto),
  "devalue 5": { write: (v) => d5.stringify(v), read: (s) => d5.parse(s) },
  "devalue 5 +reducers": withBins(d5.stringify, d5.parse),
  superjson: { write: (v) => superjson.stringify(v), read: (s) => superjson.parse(s) },
  "seroval JSON": { write: (v) => J(sv.toJSON(v)), read: (s) => sv.fromJSON(P(s)) },
  "seroval JSON +bin": {
    write: (v) => {
      const bins = [];
      return { text: J(sv.toJSON(v, svBin(bins))), bins };
    },
    read: ({ text, bins }) => sv.fromJSON(P(text), svBin(bins)),
  },
  "seroval cross": {
    write: (v) => J(sv.toCrossJSON(v, { refs: new Map() })),
    read: (s) => sv.fromCrossJSON(P(s), { refs: new Map() }),
  },
  "ungap json": { write: uj.stringify, read: uj.parse },
  "ungap strict": { write: (v) => J(uc.serialize(v)), read: (s) => uc.deserialize(P(s)) },
  "next-json": { write: (v) => NJSON.stringify(v), read: (s) => NJSON.parse(s) },
  typeson: { write: (v) => typeson.stringifySync(v), read: (s) => typeson.parseSync(s) },
  "cbor-x": { write: (v) => Uint8Array.from(cbor.encode(v)), read: (b) => cbor.decode(b) },
  msgpackr: { write: (v) => Uint8Array.from(pack.pack(v)), read: (b) => pack.unpack(b) },
};
const names = Object.keys(LIBS);

// A child started with code generation switched off answers: does reading still work without eval?
if (process.argv.includes("no-eval")) {
  const works = (lib) => {
    try {
      for (let i = 0; i < 100; i++) lib.read(lib.write({ a: i, b: "x", c: [1] }));
      return "yes";
    } catch {
      return "no";
    }
  };
  console.log(J(Object.fromEntries(names.map((n) => [n, works(LIBS[n])]))));
  process.exit();
}

// ---- equality: same prototype, own keys in order, holes, contents, and the same sharing (a bijection of objects) ----
function same(a, b, fwd = new Map(), back = new Map()) {
  if (Object(a) !== a || Object(b) !== b) return Object.is(a, b);
  if (fwd.has(a) || back.has(b)) return fwd.get(a) === b && back.get(b) === a;
  fwd.set(a, b);
  back.set(b, a);
  const eq = (x, y) => same(x, y, fwd, back);
  const list = (x, y) => x.length === y.length && x.every((v, i) => eq(v, y[i]));
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date && !Object.is(+a, +b)) return false;
  if ((a instanceof RegExp || a instanceof URL) && String(a) !== String(b)) return false;
  if (a instanceof ArrayBuffer) return Buffer.from(a).equals(Buffer.from(b));
  if (ArrayBuffer.isView(a))
    return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
  if ((a instanceof Map || a instanceof Set) && !list([...a].flat(), [...b].flat())) return false;
  const keys = (v) => (a instanceof URL ? [] : a instanceof Error ? Reflect.ownKeys(v).sort() : Reflect.ownKeys(v));
  return list(keys(a), keys(b)) && keys(a).every((k) => eq(a[k], b[k])) && (!Array.isArray(a) || a.length === b.length);
}

// ---- 1. fidelity ----
const ring = (o, tie) => (tie(o), o); // build a cycle
const own = (key) => P(`{"${key}":1,"z":2}`);
const [buf, shared] = [new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer, { s: 1 }];
const oops = (E, ...args) => Object.assign(new E(...args), { code: "E1", detail: { at: new Date(1) } });
const MUST_KEEP = {
  Date: new Date(5),
  "invalid Date": new Date(Number.NaN),
  "Map (object keys)": new Map([
    [{ k: 1 }, 1],
    ["a", new Map()],
    [Number.NaN, 2],
  ]),
  "Set (nested)": new Set([1, "1", new Set([2])]),
  BigInt: [10n, -(2n ** 80n)],
  "undefined (top)": undefined,
  "undefined (property)": { a: undefined },
  "undefined (item)": [undefined, 1],
  "NaN, ±Infinity": [Number.NaN, Infinity, -Infinity],
  "-0": [-0, 0],
  "-0 (top)": -0,
  Uint8Array: new Uint8Array([0, 255]),
  "other typed arrays": [
    new Int16Array([-1]),
    new Float32Array([0.5, -0]),
    new Float64Array([Number.NaN]),
    new Uint8ClampedArray([9]),
    new BigInt64Array([-1n]),
  ],
  DataView: new DataView(buf.slice(0)),
  ArrayBuffer: buf.slice(0),
  "views sharing one buffer": {
    make: () => ({ a: new Uint8Array(buf, 1, 3), b: new Uint16Array(buf, 2, 2), c: buf }),
    check: (o) =>
      o.a.buffer === o.c &&
      o.b.buffer === o.c &&
      o.a.byteOffset === 1 &&
      o.b.byteOffset === 2 &&
      o.b.length === 2 &&
      o.c.byteLength === 8 &&
      o.a[0] === 2,
  },
  RegExp: /a\/"\n(?<n>.)/giu,
  URL: new URL("https://a.b/c?d=é#f"),
  "cycle (object)": ring({ a: {} }, (o) => {
    o.a.o = o;
  }),
  "cycle (array, Map, Set)": ring([new Map(), new Set()], (o) => {
    o[0].set("o", o);
    o[1].add(o[0]).add(o[1]);
  }),
  "shared references": [shared, { again: shared }, new Map([[shared, shared]])],
  "sparse array": ring([1, 2, 3], (o) => delete o[1]),
  "sparse, trailing holes": new Array(3),
  "sparse, length 1e6": ring([], (o) => {
    o[999_999] = 1;
  }),
  "null prototype": { n: Object.assign(Object.create(null), { a: 1 }) },
  "lone surrogates (value)": ["\ud800", "a\udc00b", "\0\u2028</script>"],
  "lone surrogate (key)": { "\ud800": 1 },
  '"__proto__" own key': own("__proto__"),
  '"constructor", "toString" keys': { constructor: 1, toString: { prototype: 2 } },
  'awkward keys ("", ".", "$t", 1)': {
    1: 0,
    "": 1,
    "a.b": new Date(1),
    a: { b: 2 },
    $type: 3,
    then: 4,
    t: 1,
    json: {},
    meta: {},
  },
  "string like a type tag": ["$1", ["Date", "x"], { $: 1 }, "~0", ""],
  Error: new Error("m"),
  "TypeError + own props": oops(TypeError, "m"),
  "Error.cause chain": oops(Error, "m", { cause: new RangeError("c", { cause: undefined }) }),
  AggregateError: new AggregateError([new Error("x"), 1], "m"),
  "cycle through Error.cause": ring(new Error("a", { cause: new Error("b") }), (e) => {
    e.cause.cause = e;
  }),
  "cycle through Error own prop": ring({ e: new Error("a") }, (o) => {
    o.e.self = o.e;
    o.e.root = o;
  }),
  "registered class (reducer)": [
    new Point(1, 2),
    ring(new Point(1, 2), (p) => {
      p.x = p;
    }),
  ],
};
const MUST_REFUSE = {
  function: () => 1,
  symbol: Symbol("s"),
  "class instance": new (class A {
    a = 1;
  })(),
  "class extends Map": new (class extends Map {})([[1, 2]]),
  "class extends Array": class extends Array {}.from([1]),
  "class extends Date": new (class extends Date {})(0),
  "class extends Error": new (class MyError extends Error {})("m"),
  "class extends null": Object.create(Object.create(null, { m: { value() {} } }), {
    a: { value: 1, enumerable: true },
  }),
  "inherits from a plain object": Object.create({ a: 1 }),
  "symbol key": { [Symbol("k")]: 1 },
  "extra property on an array": Object.assign([1], { extra: 1 }),
  "extra property on a Map": Object.assign(new Map(), { extra: 1 }),
  "hidden (non-enumerable) property": Object.defineProperty({}, "h", { value: 1 }),
  getter: {
    get g() {
      return 1;
    },
  },
  Promise: Promise.resolve(1),
  WeakMap: new WeakMap(),
  "object with a then() method": { then() {} },
  "function in a Map": new Map([["k", () => 1]]),
  "function in Error.cause": new Error("m", { cause: () => 1 }),
  "Node Buffer": Buffer.from("abc"),
};
const crash = (e) =>
  e instanceof RangeError || (/is not a function|undefined|Maximum call/.test(e.message) && e instanceof TypeError);
function attempt(lib, value, check) {
  let stored;
  try {
    stored = lib.write(value);
  } catch (e) {
    return crash(e) ? "threw (write)" : /top.*deep/s.test(`${e.path} ${e.message}`) ? "refused @path" : "refused";
  }
  try {
    return check(lib.read(stored)) ? "ok" : "CHANGED";
  } catch {
    return "threw (read)";
  }
}
const at = (v) => ({ top: [0, { deep: v }] });
const kept = (v) => (out) =>
  same(at(v), out) &&
  J(Object.getOwnPropertyDescriptor(Object(v), "g")) === J(Object.getOwnPropertyDescriptor(out.top[1].deep, "g")); // 'g': still a getter?
const cells = { keep: [], refuse: [] };
for (const [name, v] of Object.entries(MUST_KEEP)) {
  const value = v?.make ? v.make() : v;
  cells.keep.push([name, ...names.map((n) => attempt(LIBS[n], value, v?.check ?? ((out) => same(value, out))))]);
}
for (const [name, v] of Object.entries(MUST_REFUSE))
  cells.refuse.push([name, ...names.map((n) => attempt(LIBS[n], at(v), kept(v)))]);
const table = (head, rows) =>
  console.log([head, head.map(() => "---"), ...rows].map((r) => `| ${r.join(" | ")} |`).join("\n"), "\n");
const count = (rows, test) => names.map((_, i) => `${rows.filter((r) => test(r[i + 1])).length}/${rows.length}`);
console.log("## 1a. Must read back equal\n");
table(
  ["case", ...names],
  [
    ...cells.keep,
    ["**ok**", ...count(cells.keep, (c) => c === "ok")],
    ["**changed in silence**", ...count(cells.keep, (c) => c === "CHANGED")],
  ],
);
console.log('## 1b. Must be refused (value placed at `.top[1].deep`; "@path" = the error names that place)\n');
table(
  ["case", ...names],
  [
    ...cells.refuse,
    ["**refused**", ...count(cells.refuse, (c) => c.startsWith("refused"))],
    ["**with the path**", ...count(cells.refuse, (c) => c === "refused @path")],
  ],
);

// ---- 2. speed ----
const rounds = process.argv.includes("quick") ? 5 : 15;
const row = (i) => ({
  id: i,
  name: `name ${i}`,
  active: i % 2 === 0,
  score: i / 7,
  city: ["Oslo", "Rome", "Lima"][i % 3],
  tag: null,
  count: i * 3,
  note: "some <text> here",
});
const tree = (d) =>
  d ? { label: `node ${d}`, weight: d / 3, kids: [tree(d - 1), tree(d - 1), tree(d - 1)] } : { leaf: true };
const PAYLOADS = {
  "small object": { a: 1, b: "two", c: true, d: null, e: 4.5 },
  "1,000 rows × 8": Array.from({ length: 1000 }, (_, i) => row(i)),
  "tree (3^6 leaves)": tree(6),
  "Map 10,000": new Map(Array.from({ length: 10_000 }, (_, i) => [`key ${i}`, i * 1.5])),
  "string 100 kB": "lorem ipsum dolor \n".repeat(5264),
  "Uint8Array 1 MiB": new Uint8Array(1 << 20).map((_, i) => i * 31),
};
const median = (xs) => xs.sort((a, b) => a - b)[xs.length >> 1];
const time = (fn, n) => {
  const t = performance.now();
  for (let i = 0; i < n; i++) fn();
  return ((performance.now() - t) / n) * 1000;
};
const loops = (op, n) => {
  time(op, n);
  return Math.max(1, Math.min(5000, Math.ceil(2500 / time(op, n))));
}; // about 2.5 ms a sample
const us = (x) => (x < 10 ? x.toFixed(2) : x < 100 ? x.toFixed(1) : Math.round(x).toLocaleString("en"));
const [speed, bytes] = [0, 0].map(() => Object.fromEntries(names.map((n) => [n, []])));
for (const value of Object.values(PAYLOADS)) {
  const runs = [];
  for (const n of names) {
    const lib = LIBS[n];
    const verdict = attempt(lib, value, (out) => same(value, out));
    const stored = verdict.startsWith("ok") || verdict === "CHANGED" ? lib.write(value) : undefined;
    const size =
      stored?.byteLength ??
      (stored?.text
        ? Buffer.byteLength(stored.text) + stored.bins.reduce((s, b) => s + b.byteLength, 0)
        : stored && Buffer.byteLength(stored));
    bytes[n].push(verdict === "ok" ? size.toLocaleString("en") : "–");
    if (verdict !== "ok") {
      speed[n].push(verdict);
      continue;
    }
    const ops = [() => lib.write(value), () => lib.read(stored)];
    runs.push({ n, ops, loops: ops.map((op) => loops(op, loops(op, 3))), w: [], r: [] });
  }
  for (let i = 0; i < rounds; i++)
    for (const run of runs) {
      run.w.push(time(run.ops[0], run.loops[0]));
      run.r.push(time(run.ops[1], run.loops[1]));
    }
  const totals = Object.fromEntries(runs.map((x) => [x.n, [median(x.w), median(x.r)]]));
  for (const { n } of runs) {
    const [w, r] = totals[n];
    const base = totals.JSON && totals.JSON[0] + totals.JSON[1];
    speed[n].push(`${us(w)} + ${us(r)}${base ? ` (${((w + r) / base).toFixed(1)}×)` : ""}`);
  }
}
console.log(
  `## 2a. Speed: write + read in µs (× JSON), median of ${rounds} interleaved rounds, Node ${process.version}\n`,
);
table(
  ["library", ...Object.keys(PAYLOADS)],
  names.map((n) => [n, ...speed[n]]),
);
console.log("## 2b. Stored bytes (text as UTF-8 + side bytes)\n");
table(
  ["library", ...Object.keys(PAYLOADS)],
  names.map((n) => [n, ...bytes[n]]),
);

// ---- 3. size, dependencies, eval ----
const { build } = await import("esbuild");
const here = fileURLToPath(new URL(".", import.meta.url));
const pkg = (name) => P(readFileSync(`${here}node_modules/${name}/package.json`, "utf8"));
const below = (name, seen = new Set()) => {
  for (const d of Object.keys(pkg(name).dependencies ?? {}))
    if (!seen.has(d)) {
      seen.add(d);
      below(d, seen);
    }
  return seen;
};
const published = (name) => {
  try {
    return Object.keys(
      P(execFileSync("npm", ["view", name, "time", "--json"], { encoding: "utf8", stdio: "pipe" })),
    ).filter((k) => /^\d/.test(k)).length;
  } catch {
    return "?";
  }
};
const noEval = P(
  execFileSync(
    process.execPath,
    ["--disallow-code-generation-from-strings", fileURLToPath(import.meta.url), "no-eval"],
    { encoding: "utf8" },
  ),
);
const ENTRIES = [
  ["devalue", "devalue 6", "export { stringify, parse, DevalueError } from 'devalue'"],
  ["devalue5", "devalue 5", "export { stringify, parse } from 'devalue5'"],
  ["superjson", "superjson", "export { default } from 'superjson'"],
  ["seroval", "seroval JSON", "export { toJSON, fromJSON } from 'seroval'"],
  ["seroval", "seroval cross", "export { toCrossJSON, fromCrossJSON } from 'seroval'"],
  ["@ungap/structured-clone", "ungap json", "export * from '@ungap/structured-clone/json'"],
  ["next-json", "next-json", "export { NJSON } from 'next-json'"],
  [
    "typeson-registry",
    "typeson",
    "export { Typeson } from 'typeson'; export { structuredCloningThrowing } from 'typeson-registry'",
  ],
  ["cbor-x", "cbor-x", "export { Encoder } from 'cbor-x'"],
  ["msgpackr", "msgpackr", "export { Packr } from 'msgpackr'"],
];
const sizes = [];
for (const [name, lib, contents] of ENTRIES) {
  const out = await build({
    stdin: { contents, resolveDir: here },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    write: false,
    logLevel: "silent",
  }).then(
    (r) => r.outputFiles[0].contents,
    () => undefined,
  );
  const code = out && Buffer.from(out).toString();
  const optional = Object.keys(pkg(name).optionalDependencies ?? {}).join(", ");
  sizes.push([
    lib,
    pkg(name).version,
    published(pkg(name).name),
    out ? out.length.toLocaleString("en") : "does not bundle",
    out ? gzipSync(out).length.toLocaleString("en") : "–",
    `${below(name).size}${optional ? ` + optional ${optional}` : ""}`,
    pkg(name).license,
    code ? (/\bnew Function\b|\beval\(/.test(code) ? "yes" : "no") : "?",
    noEval[lib],
  ]);
}
console.log("## 3. Size (esbuild, browser, minified), dependencies, eval\n");
table(
  [
    "library",
    "version",
    "versions in registry",
    "min bytes",
    "min+gzip",
    "dependencies",
    "licence",
    "eval in bundle",
    "works with eval off",
  ],
  sizes,
);

// ---- 4. devalue 6, exactly ----
const [facts, plus] = [[], LIBS["devalue 6 +reducers"]];
const fact = (what, fn) => {
  let r;
  try {
    r = fn();
  } catch (e) {
    r = `${e.name}: ${e.message}${e.path === undefined ? "" : ` [path ${J(e.path)}]`}`;
  }
  facts.push([what, `\`${typeof r === "string" ? r : J(r)}\``.replaceAll("|", "\\|")]);
};
const rt = (v, ...more) => d6.parse(d6.stringify(v, ...more));
const thrown = (v, ...more) => {
  try {
    return d6.stringify(v, ...more);
  } catch (e) {
    return e;
  }
};
const col = (n, rows, want) =>
  rows
    .filter((r) => want === (r[names.indexOf(n) + 1] === "ok"))
    .map((r) => r[0])
    .join(", ");
for (const [what, want] of [
  ["kept", true],
  ["not kept", false],
])
  fact(`${what} by devalue 6 alone`, () => col("devalue 6", cells.keep, want));
fact(
  "not kept with +reducers; with +reducers +strict",
  () =>
    `${col("devalue 6 +reducers", cells.keep, false)}; ${col("devalue 6 +reducers +strict", cells.keep, false) || "none"}`,
);
fact("changed in silence by devalue 6 alone", () =>
  cells.refuse
    .filter((r) => !r[names.indexOf("devalue 6") + 1].startsWith("refused"))
    .map((r) => r[0])
    .join(", "),
);
fact("text of two views + their buffer (built in)", () =>
  d6.stringify([new Uint8Array(buf, 1, 3), new Uint16Array(buf, 2, 2), buf]),
);
fact("the same with the ArrayBuffer reducer", () => {
  const o = plus.write([new Uint8Array(buf, 1, 3), new Uint16Array(buf, 2, 2), buf]);
  return `${o.text} + side list of ${J(o.bins.map((b) => b.byteLength))} bytes`;
});
fact("ArrayBuffer text written without the reducer, read with such a reviver: the reviver gets", () => {
  let got;
  d6.parse(d6.stringify(new Uint8Array(2)), { ArrayBuffer: (v) => ((got = v), new ArrayBuffer(2)) });
  return `${typeof got} ${J(got)}`;
});
fact(
  "values of another realm (node:vm): Uint8Array, Map, plain object; then Error",
  () =>
    `${vm
      .runInNewContext("[[new Uint8Array(1)], [new Map()], [{}]]")
      .map((v) => d6.stringify(v[0]))
      .join(" ")}; ${thrown(vm.runInNewContext('new Error("x")'), reducers([])).message}`,
);
fact(
  "characters stored for a 1-byte view of a 1 MiB buffer",
  () => d6.stringify(new Uint8Array(new ArrayBuffer(1 << 20), 0, 1)).length,
);
fact("Node Buffer: text, and what it reads back as", () => {
  const b = rt(Buffer.from("abc"));
  return `${d6.stringify(Buffer.from("abc"))} → ${b.constructor.name}, byteOffset ${b.byteOffset}, buffer ${b.buffer.byteLength} bytes`;
});
fact("Node Buffer with the ArrayBuffer reducer: side bytes (no pool leak?)", () =>
  plus.write(Buffer.from("abc")).bins.map((b) => b.byteLength),
);
fact("[buf, buf]: one object back? [buf, buf.subarray(1)]: one ArrayBuffer back?", () => {
  const b = Buffer.from("abc");
  const [x, y, z] = rt([b, b, b.subarray(1)]);
  return `${x === y}, ${x.buffer === z.buffer}`;
});
fact("view on a SharedArrayBuffer", () => d6.stringify({ a: new Uint8Array(new SharedArrayBuffer(2)) }));
fact("lone surrogate: text", () => d6.stringify("\ud800x"));
fact('"__proto__" own key: write', () => d6.stringify({ a: [own("__proto__")] }));
fact('"__proto__" key in text: read', () => d6.parse('[{"__proto__":1},{}]'));
fact(
  '"__proto__" own key inside an Error with the reducer',
  () => plus.write(Object.defineProperty(new Error("m"), "__proto__", { value: 1, enumerable: true })).text.length,
);
const bad = new Map([
  ['k"1', new Set([{ "x-y": [{ ok: () => 1 }] }])],
  [{ o: 1 }, 1],
]);
fact("DevalueError: own fields", () => Object.getOwnPropertyNames(thrown({ m: bad })).join(", "));
fact("DevalueError: message and path through Map, Set, odd key, array", () => {
  const e = thrown({ m: bad });
  return `${e.name}: ${e.message} @ ${e.path}`;
});
fact(
  "path under an object Map key; path of a bad top-level value",
  () => `${thrown({ m: new Map([[{ o: 1 }, () => 1]]) }).path}; ${J(thrown(() => 1).path)}`,
);
fact(
  "path of a function in Error.cause, with the reducer",
  () => thrown({ e: [new Error("m", { cause: { f: () => 1 } })] }, reducers([])).path,
);
fact("an error thrown inside a reducer: is it a DevalueError with a path?", () => {
  const e = thrown(
    { a: 1 },
    {
      X: (v) => {
        if (v === 1) throw new TypeError("mine");
      },
    },
  );
  return `${e.name}, path ${e.path}`;
});
const [seen, each] = [
  [],
  { n: 1, m: 1, s: "x", t: "x", u: undefined, nan: Number.NaN, z: -0, f: false, b: 1n, y: new Uint8Array([7]) },
];
d6.stringify(each, {
  Spy: (v) => {
    seen.push(Object(v) === v ? v.constructor.name : `${typeof v} ${String(v)}`);
  },
});
fact(
  'a reducer is called, for {n:1, m:1, s:"x", t:"x", u:undefined, nan:NaN, z:-0, f:false, b:1n, y:Uint8Array}, with',
  () => seen.join(", "),
);
fact("a reducer goes before built-in views and before the refusal of functions", () =>
  d6.stringify([new Uint8Array([7]), () => 1], {
    View: (v) => ArrayBuffer.isView(v) && "taken",
    Fn: (v) => typeof v === "function" && "f",
  }),
);
fact('a falsy reducer result (0, "", null) counts as "not mine"', () =>
  d6.stringify(new Date(0), { Zero: () => 0, Empty: () => "" }),
);
fact("naive Error reviver, self-cycle: e.self === e", () => {
  const e = new Error("a");
  e.self = e;
  const o = d6.parse(d6.stringify(e, { E: (v) => v instanceof Error && { m: v.message, self: v.self } }), {
    E: (p) => Object.assign(new Error(p.m), { self: p.self }),
  });
  return o.self === o;
});
const values = Array.from({ length: 10_000 }, (_, i) => [i, `s${i}`]).flat();
fact("cost of stringify for 20,000 distinct primitives: 0 / 1 / 3 no-op reducers (µs, interleaved medians)", () => {
  const sets = [{}, { A: () => {} }, { A: () => {}, B: () => {}, C: () => {} }].map((r) => ({ r, t: [] }));
  for (let k = 0; k < 20; k++) for (const x of sets) x.t.push(time(() => d6.stringify(values, x.r), 3));
  return sets.map((x) => us(median(x.t))).join(" / ");
});
const nest = (n) => {
  let v = 1;
  for (let i = 0; i < n; i++) v = { v };
  return v;
};
const depth = (lib, op) => {
  let lo = 1;
  let hi = 1 << 16;
  while (hi - lo > 50) {
    const mid = (lo + hi) >> 1;
    try {
      const v = nest(mid);
      op === "write"
        ? lib.write(v)
        : lib.read(
            lib.write === J
              ? `${'{"v":'.repeat(mid)}1${"}".repeat(mid)}`
              : { text: `[${Array.from({ length: mid }, (_, i) => `{"v":${i + 1}}`)},1]`, bins: [] },
          );
      lo = mid;
    } catch {
      hi = mid;
    }
  }
  return lo;
};
fact("deepest nesting before a stack overflow (write, read): JSON; devalue 6 +reducers", () =>
  ["JSON", "devalue 6 +reducers"].map((n) => `${depth(LIBS[n], "write")}, ${depth(LIBS[n], "read")}`).join("; "),
);
console.log("## 4. devalue 6: behaviour by probes\n");
table(["probe", "result"], facts);
