// Where a thread begins: Node's threads read no TypeScript until they are taught to.

import { register } from "tsx/esm/api";

register();
await import("./serving.ts");
