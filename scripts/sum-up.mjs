// The last line of CI: all tests and checks together, from the files in which each left its counts.

import { readFileSync } from "node:fs";

const counts = process.argv.slice(2).map(read);
const [passed, failed] = ["passed", "failed"].map((kind) => counts.reduce((sum, one) => sum + one[kind], 0));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && counts.every((one) => one.passed > 0) ? 0 : 1;

/** What never got as far as writing its counts has failed. */
function read(file) {
  try {
    return countsIn(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return { passed: 0, failed: 1 };
  }
}

/** The report of vitest, or plain counts. */
function countsIn({ numPassedTests, numFailedTests, numFailedTestSuites, passed, failed }) {
  if (numPassedTests === undefined) return { passed, failed };
  // A file that cannot be loaded fails without any test.
  return { passed: numPassedTests, failed: Math.max(numFailedTests, numFailedTestSuites > 0 ? 1 : 0) };
}
