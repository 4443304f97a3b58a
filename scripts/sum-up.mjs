// The end of what CI prints: what failed, and in the last line all tests and checks together, from the files in which
// each left its results.

import { readFileSync } from "node:fs";

const counts = process.argv.slice(2).map(read);
const [passed, failed] = ["passed", "failed"].map((kind) => counts.reduce((sum, one) => sum + one[kind], 0));
for (const { failures } of counts) for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && counts.every((one) => one.passed > 0) ? 0 : 1;

/** What never got as far as writing its results has failed. */
function read(file) {
  try {
    return countsIn(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return { passed: 0, failed: 1, failures: [`${file} was not written`] };
  }
}

/** The report of vitest, or counts with the names of what failed. */
function countsIn({ numPassedTests, numFailedTests, testResults, passed, failed, failures = [] }) {
  if (numPassedTests === undefined) return { passed, failed, failures };
  const named = testResults.flatMap(failuresIn);
  // A file that cannot be loaded fails without any test.
  return { passed: numPassedTests, failed: Math.max(numFailedTests, named.length), failures: named };
}

function failuresIn({ name, status, message, assertionResults }) {
  const failed = assertionResults.filter((one) => one.status === "failed");
  if (status === "failed" && failed.length === 0) return [`${name}: ${message}`];
  return failed.map(({ fullName, failureMessages }) => `${name}: ${fullName}\n${failureMessages.join("\n")}`);
}
