import { expect, test } from "vitest";
import { compile } from "./support/compile.js";

const NODES = `
import { chain, dag, list, node, optional, type } from "heddle";
import { z } from "zod";
const Csv = z.string().brand("Csv");
const Table = type<{ title: string }>("Table");
const read = node({ output: Csv, run: () => Csv.parse("") });
const table = node({ input: { csv: Csv }, output: Table, run: () => ({ title: "" }) });
const report = node({ input: { tables: list(Table), csv: optional(Csv) }, output: z.number(), run: () => 1 });
const order = node({ run: () => {} });
const nodes = { read, table, report, order };
`;
const withEdges = (edges: string) =>
  compile(`${NODES}\nexport const d = dag("d", { nodes, edges: [${edges}] });`).errors;

test("edges that fit compile", () => {
  const edges = `...chain("read", "table", "report"), ["read", "report", "csv"], ["order", "read"]`;
  expect(withEdges(edges)).toEqual([]);
});

test.each([
  [`["read", "nope"]`, `There is no node \\"nope\\" for the edge from \\"read\\"`],
  [`["nope", "read"]`, `There is no node \\"nope\\" for the edge to \\"read\\"`],
  [`["table", "table"], ["report", "table"]`, `The output of \\"report\\" fits no input of \\"table\\"`],
  [`["read", "table", "cvs"]`, `\\"table\\" has no input \\"cvs\\" for the edge from \\"read\\"`],
  [`["read", "report", "tables"]`, `The output of \\"read\\" does not fit input \\"tables\\" of \\"report\\"`],
  [`...chain("read", "nope")`, `There is no node \\"nope\\" for the edge from \\"read\\"`],
])("the compiler refuses %s and names both labels", (edge, message) => {
  expect(withEdges(edge).join("\n")).toContain(message);
});

const SIZE = 200;

function bigDag(size: number): string {
  const lines = [NODES, "export const big = dag('big', { nodes: { n0: read,"];
  for (let i = 1; i < size; i++) lines.push(`n${i}: ${i % 2 ? "table" : "read"},`);
  lines.push("end: report }, edges: [");
  for (let i = 1; i < size; i += 2) lines.push(`["n${i - 1}", "n${i}"], ["n${i}", "end"],`);
  lines.push("] });", "import { DagRunner } from 'heddle';", "export const result = new DagRunner(big).run();");
  return lines.join("\n");
}

test("checking a dag of 200 nodes costs a bounded number of type instantiations, linear in its size", () => {
  const none = compile(bigDag(2));
  const half = compile(bigDag(SIZE / 2));
  const full = compile(bigDag(SIZE));
  expect(full.errors).toEqual([]);
  const cost = full.instantiations - none.instantiations;
  const halfCost = half.instantiations - none.instantiations;
  const ms = Math.round(full.checkMs - none.checkMs);
  console.log(`${SIZE} nodes: ${cost} instantiations and ${ms} ms more than 2 nodes`);
  expect(cost).toBeLessThan(35_000);
  expect(cost / halfCost).toBeLessThan(2.5);
});
