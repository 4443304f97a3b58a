// A page that begins or continues the run of `killed-dag.ts` in IndexedDB, until somebody kills its browser.

import { DagProvenance, DagRunner, type Durability } from "heddle";
import { indexedDbStore } from "heddle/adapters/indexeddb";
import { killedDag, type Load } from "../../processes/killed-dag.js";

const store = indexedDbStore("killed");
const tell = (call: string) => fetch("/tell", { method: "POST", body: call });

Object.assign(globalThis, {
  page: {
    /** Resolves with the status in the end. */
    async live(durability: Durability): Promise<string> {
      const provenance = new DagProvenance(store, { durability });
      const runner = new DagRunner(killedDag(tell), { provenance });
      const found = await provenance.getRun("run");
      if (found?.status === "completed") return found.status;
      const run = found ? runner.restart("run") : runner.run({}, { runId: "run" });
      addEventListener("pagehide", () => run.pause());
      return (await run).status;
    },
    async events() {
      return (await store.read("run", 0, Number.POSITIVE_INFINITY)).events;
    },
    async outputOf(label: string) {
      const { sum, text, bytes } = (await new DagProvenance(store).loadOutput("run", label)) as Load;
      return { sum, text, bytes: [...bytes] };
    },
  },
});
