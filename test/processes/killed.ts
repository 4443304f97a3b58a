// Begins or continues the run of a directory, and is killed while it does so: `node … <directory> <log> <durability>`.

import { appendFileSync } from "node:fs";
import process from "node:process";
import { DagProvenance, DagRunner, type Durability } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { killedDag } from "./killed-dag.js";

const [directory = "", log = "", durability = ""] = process.argv.slice(2);
const store = fileSystemStore(directory, { onWarning: () => {} });
const provenance = new DagProvenance(store, { durability: durability as Durability });
const runner = new DagRunner(
  killedDag((call) => appendFileSync(log, `${call}\n`)),
  { provenance },
);
process.stdout.write("ready\n");
const found = await provenance.getRun("run");
if (found?.status !== "completed") {
  const result = await (found ? runner.restart("run") : runner.run({}, { runId: "run" }));
  if (result.status !== "completed") throw new Error(`The run is ${result.status}`, { cause: result });
}
