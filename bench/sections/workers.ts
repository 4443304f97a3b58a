// Pools of workers beside each other, in Node and in Chromium: the same functions, every result checked.

import { compare } from "../pools/compare.js";
import { described, type Group, SIZES, SMALL } from "../pools/group.js";
import { heddlePool } from "../pools/heddle.js";
import { executorsOfNode, poolsOfNode } from "../pools/node.js";
import { SIZE } from "../pools/pool.js";
import { runGroups, WHOLE_BENCH_MS } from "../pools/run-groups.js";
import { taskGroups } from "../pools/task-groups.js";
import { threadFiles } from "../thread-files.js";
import { workersInChromium } from "./workers-chromium.js";

export async function workers(small: boolean): Promise<void> {
  const sizes = small ? SMALL : SIZES;
  const files = await threadFiles();
  const make = executorsOfNode(files);
  const executor = make({ size: SIZE, idleMs: WHOLE_BENCH_MS });
  await executor.warmUp();
  const pools = [...poolsOfNode(files), await heddlePool(executor)];
  const groups: readonly Group[] = [...taskGroups(pools, executor, sizes), ...runGroups(make, setImmediate, sizes)];
  for (const group of groups) {
    const works = new Map(group.works.map((work) => [work.name, work]));
    await compare("Node", described(group), async (name) => (await works.get(name)?.sample()) ?? []);
  }
  files.remove();
  await workersInChromium(sizes);
}
