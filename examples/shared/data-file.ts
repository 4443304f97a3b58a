// Where the data is: vega-datasets, a package of public data sets, is installed with the other development packages. Its
// version is exact, since 3.x cut flights-200k.json from 231,083 flights to 200,000.

import { fileURLToPath } from "node:url";

/** The path of a file of vega-datasets. */
export function dataFile(name: string): string {
  return fileURLToPath(new URL(`data/${name}`, import.meta.resolve("vega-datasets/package.json")));
}
