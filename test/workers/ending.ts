// A process that runs something in workers, and then has nothing to do.

import { DagRunner } from "heddle";
import { nodeWorkers } from "heddle/adapters/node-workers";
import { busy } from "./dags.js";

const executor = nodeWorkers(process.argv[2] ?? "", { idleMs: 3_600_000 });
const { status } = await new DagRunner(busy, { executor }).run({ work: { ms: 50 } });
console.log(status);
