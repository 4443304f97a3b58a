// Makes sure that the browsers named are here: finds them, or installs them, or fails and says what to install.
// HEDDLE_HIDE_BROWSERS=1 acts as if none were here, which shows that installing works.

import process from "node:process";
import { BROWSER_NAMES, setUpBrowser } from "./browsers.mjs";

for (const name of process.argv.slice(2)) {
  try {
    if (!BROWSER_NAMES.includes(name))
      throw new Error(`There is no browser ${name}, only ${BROWSER_NAMES.join(", ")}.`);
    const { path, version } = await setUpBrowser(name, { isHidden: process.env.HEDDLE_HIDE_BROWSERS === "1" });
    console.log(`${name}: ${version} at ${path}`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
